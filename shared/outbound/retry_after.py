"""How long a server asks us to wait; pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def retry_after_of(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return what `Retry-After` asks for, in seconds or as a date (RFC 9110, 10.2.3); None when it says nothing."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), timedelta(days=1).total_seconds()))
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max(instant - now, timedelta())
