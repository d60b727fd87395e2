"""Who may call: whoever shows a registered client certificate that is valid now."""

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from shared.clock import Clock
from shared.errors import AuthenticationError, Fault, InvalidRequestError
from shared.tls import Certificate, fingerprint

logger = logging.getLogger(__name__)

FIRST_VERSION = date(2013, 3, 1)
VERSION = re.compile(rb"\d{4}-\d\d-\d\d")


class Authentication:
    """The management certificates of one subscription."""

    def __init__(
        self, subscription: str, certificates: Iterable[Certificate], *, identity_clock: Clock
    ) -> None:
        """`identity_clock` is the machine's own: certificates are made and end by it, whatever a rehearsal's date."""
        self._clock = identity_clock
        self.subscription = subscription
        self._registered = {one.fingerprint: one for one in certificates}

    def check(self, scope: Mapping[str, Any], subscription: str) -> None:
        """Raises AuthenticationError."""
        der = scope.get("extensions", {}).get("tls", {}).get("client_cert_der")
        if der is None:
            raise refused("no client certificate")
        certificate = self._registered.get(fingerprint(der))
        if certificate is None:
            raise refused(f"certificate {fingerprint(der)} is not registered")
        if not certificate.is_valid_at(self._clock.now()):
            raise refused(f"certificate {certificate.fingerprint} is not valid now")
        if subscription.lower() != self.subscription.lower():
            raise refused("certificate registered for another subscription")


def refused(reason: str) -> AuthenticationError:
    """Log what the operator should know, and return what the caller may."""
    logger.info("caller refused", extra={"action": "authenticate", "reason": reason})
    return AuthenticationError(
        "The server failed to authenticate the request. Verify that the certificate is valid and is "
        "associated with this subscription."
    )


@lru_cache(maxsize=64)
def check_version(version: bytes | None) -> None:
    """Raises InvalidRequestError unless `x-ms-version` is a date not before the first version that was accepted."""
    try:
        is_date = version is not None and VERSION.fullmatch(version) is not None
        is_known = is_date and date.fromisoformat((version or b"").decode()) >= FIRST_VERSION
    except ValueError:
        is_known = False
    if not is_known:
        raise InvalidRequestError(
            [Fault("x-ms-version", f"must be a date, {FIRST_VERSION} or later")],
            code="MissingOrIncorrectVersionHeader",
        )
