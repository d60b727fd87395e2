"""Verify webhook signatures (Standard Webhooks). Copy this file; it needs Python 3.9 and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


class InvalidSignatureError(Exception):
    """The request is not from whom it seems to be, or is too old: answer 401."""


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> None:
    """Raise InvalidSignatureError unless whoever knows `secret` signed `body`, the bytes as they came, just now."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        webhook_id, timestamp = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split(" ")
        seconds = int(timestamp[:12])
    except (KeyError, ValueError):
        raise InvalidSignatureError("a webhook header is missing or malformed") from None
    if abs((time.time() if now is None else now) - seconds) > TOLERANCE_SECONDS:
        raise InvalidSignatureError("webhook-timestamp is more than five minutes from now")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{webhook_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
    # There are two while a secret is being replaced. All are compared, so that the time taken does not tell which fits.
    fits = [hmac.compare_digest(expected, one.encode()) for one in signatures]
    if not any(fits):
        raise InvalidSignatureError("no webhook-signature fits the body")
