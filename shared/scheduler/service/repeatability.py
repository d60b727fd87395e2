"""Repeatable requests: a request id already answered is answered again without effect (DESIGN §6).

The headers are those of OASIS Repeatable Requests 1.0. The `x-ms-request-id` of a repeatable request follows from its
repeatability id, so that every attempt has the same and one key finds what was answered.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from shared.errors import Fault, InvalidRequestError, PreconditionFailedError
from shared.scheduler.service.exchange import REQUEST_ID

KEPT = timedelta(hours=48)
MAX_AHEAD = timedelta(hours=1)
FIRST_SENT = b"repeatability-first-sent"
TOKEN = re.compile(rb"[!-~]{1,128}")


def repeatable_id(
    headers: Mapping[bytes, bytes], *, subscription: str, now: datetime
) -> str | None:
    """Return the request id that all attempts of this request share; None when it is not repeatable.

    Raises:
        InvalidRequestError: one header without the other, or malformed.
        PreconditionFailedError: first sent so long ago that its answer may be forgotten.
    """
    given, first_sent = headers.get(REQUEST_ID), headers.get(FIRST_SENT)
    if given is None and first_sent is None:
        return None
    faults = []
    if given is None or TOKEN.fullmatch(given) is None:
        faults.append(Fault("Repeatability-Request-ID", "must be 1 to 128 visible characters"))
    sent_at = None if first_sent is None else parse_http_date(first_sent)
    if sent_at is None or sent_at > now + MAX_AHEAD:
        faults.append(Fault("Repeatability-First-Sent", "must be an HTTP date, not in the future"))
    if faults or given is None or sent_at is None:
        raise InvalidRequestError(faults)
    if now - sent_at > KEPT:
        raise PreconditionFailedError(
            f"The request was first sent more than {KEPT // timedelta(hours=1)} hours ago; whether "
            "it was answered is not known any more."
        )
    return hashlib.sha256(subscription.lower().encode() + b"\n" + given).hexdigest()[:32]


@lru_cache(maxsize=1024)
def parse_http_date(value: bytes) -> datetime | None:
    try:
        instant = parsedate_to_datetime(value.decode("ascii"))
        # `-0000` reads as a naive instant, which is UTC by RFC 5322.
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
