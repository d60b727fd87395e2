"""Standard Webhooks signatures, version 1: HMAC-SHA256 over `id.timestamp.body`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shared.clock import EPOCH, from_microseconds
from shared.errors import AuthenticationError

SECRET_PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
TOLERANCE = timedelta(minutes=5)


def secret_of(key: bytes) -> str:
    """Return the form in which a key is shown and configured."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises:
        ValueError: it is not `whsec_` and base64 of 24 to 64 bytes; the message never holds it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in KEY_BYTES:
        raise ValueError("must be whsec_ and base64 of 24 to 64 bytes")
    return key


def sign(
    keys: Sequence[bytes], *, webhook_id: str, sent_at: datetime, body: bytes
) -> dict[str, str]:
    """Return the three headers, with a signature by each key.

    The timestamp is whole seconds since 1970, whatever the zone of `sent_at`.
    """
    timestamp = str((sent_at - EPOCH) // timedelta(seconds=1))
    signatures = (signature(key, webhook_id, timestamp, body) for key in keys)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Accept a body that somebody who knows the secret signed less than five minutes from `now`.

    Header names are looked up as they are sent: in lower case.

    Raises:
        AuthenticationError: a header is missing or malformed, the time is off, or no signature fits.
        ValueError: the secret is none.
    """
    webhook_id, timestamp, given = (
        headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not (webhook_id and given and timestamp.isascii() and timestamp.isdigit()):
        raise AuthenticationError("a webhook header is missing or malformed")
    if len(timestamp) > 12 or abs(from_microseconds(int(timestamp) * 1_000_000) - now) > TOLERANCE:
        raise AuthenticationError("webhook-timestamp is more than five minutes from now")
    expected = f"v1,{signature(key_of(secret), webhook_id, timestamp, body)}".encode()
    # Every one is compared, so that the time taken does not tell which fits.
    fits = [hmac.compare_digest(expected, one.encode()) for one in given.split(" ")]
    if not any(fits):
        raise AuthenticationError("no webhook-signature fits the body")


def signature(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    content = f"{webhook_id}.{timestamp}.".encode() + body
    # Not hmac.digest: it lets go of the GIL even for a short text, and waits for other threads to get it back.
    return base64.b64encode(hmac.new(key, content, "sha256").digest()).decode()
