"""What is checked before an endpoint sees a request: URL, certificate or token, `x-ms-version`, route, names."""

import re
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from datetime import date
from functools import lru_cache
from typing import Any

from shared.errors import (
    Fault,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    RequestError,
)
from shared.scheduler.service.authentication import Authentication
from shared.scheduler.service.credentials import Credentials, take_credentials
from shared.scheduler.service.exchange import Responder, responder_of
from shared.wire.names import name_faults
from shared.wire.routing import Match, MethodNotAllowed, NotFound, NotSelected, service_router

MAX_URL = 8192
FIRST_VERSION = date(2013, 3, 1)
VERSION = re.compile(rb"\d{4}-\d\d-\d\d")
CERTIFICATES = "certificates"


class Admission:
    """The front end's door, and ARM's."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication
        self._router = service_router()

    async def admit(
        self, scope: Mapping[str, Any], path: str, headers: MutableMapping[bytes, bytes]
    ) -> Match:
        """Return the endpoint and its names; credentials are gone from `headers`.

        Raises:
            AuthenticationError, NotFoundError, MethodNotAllowedError.
            InvalidRequestError: with the code of the front end for version and verb.
        """
        query = scope["query_string"].decode("latin-1")
        if len(path) + len(query) > MAX_URL:
            raise InvalidRequestError([Fault("URL", f"is longer than {MAX_URL} characters")])
        is_arm = responder_of(path) is Responder.ARM
        subscription = await self._authenticate(take_credentials(scope, headers), path)
        if not is_arm:
            check_version(headers.get(b"x-ms-version"))
        routed = self._router.match(scope["method"], path, query)
        match routed:
            case NotFound():
                raise NotFoundError("The resource was not found: no such path.")
            case MethodNotAllowed(allowed):
                raise not_allowed(allowed, is_arm=is_arm)
            case NotSelected(selectors):
                raise not_selected(selectors)
            case Match():
                return checked(routed, subscription)

    async def _authenticate(self, credentials: Credentials, path: str) -> str:
        """Return the subscription for which the caller may act."""
        first, _, rest = path.removeprefix("/").partition("/")
        second, _, _ = rest.partition("/")
        if responder_of(path) is Responder.ARM:
            await self._authentication.check_token(credentials, second)
            return second
        # The first certificate of a subscription has to come in somehow.
        if second.lower() == CERTIFICATES:
            await self._authentication.check_either(credentials, first)
        else:
            await self._authentication.check_certificate(credentials, first)
        return first


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


def not_allowed(allowed: Collection[str], *, is_arm: bool) -> RequestError:
    found = f"must be one of {', '.join(sorted(allowed))} here"
    if is_arm:
        return MethodNotAllowedError(f"The method {found}.", allowed=sorted(allowed))
    return InvalidRequestError([Fault("method", found)], code="InvalidHttpVerb")


def not_selected(selectors: Iterable[tuple[str, str]]) -> InvalidRequestError:
    choices = " or ".join(f"{name}={value}" for name, value in selectors)
    return InvalidRequestError(
        [Fault("query", f"must have {choices} here")],
        code="MissingOrInvalidRequiredQueryParameter",
    )


def checked(match: Match, subscription: str) -> Match:
    if match.params["subscription"].lower() != subscription.lower():
        # Whoever routes and whoever authenticates read the path apart; what they disagree on is nobody's.
        raise NotFoundError("The resource was not found: no such path.")
    if faults := name_faults(match.params, path="URL"):
        if "operation" in match.params:
            # A client polls with whatever id it was given; it is told that nothing has it.
            raise NotFoundError("The operation was not found: its id is no request id.")
        raise InvalidRequestError(faults)
    return match
