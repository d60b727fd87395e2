"""Ages, instants and durations as options give them."""

import re
from datetime import datetime, timedelta

from shared.errors import ConfigurationError
from shared.wire.times import format_instant, parse_duration, parse_instant

AGE = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)
SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
LONGEST = timedelta(days=366)
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def instant_of(option: str, text: str, now: datetime) -> datetime:
    """Return the instant that an option names, by itself or by its age.

    Raises:
        ConfigurationError: it is neither.
    """
    age = AGE.fullmatch(text)
    try:
        return now - UNITS[age[2]] * int(age[1]) if age else parse_instant(text)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option} {text!r} is neither an age, such as 90s, 30m, 2h or 7d, nor an instant, such as"
            " 2026-01-31T02:30:00Z"
        ) from None


def instant_text_of(option: str, text: str, now: datetime) -> str:
    """Return what `instant_of` does, as the wire has it."""
    return format_instant(instant_of(option, text, now))


def duration_of(option: str, text: str) -> timedelta:
    """Return how long an option says: seconds, a number with its unit, or an ISO 8601 duration; 366 days at most.

    Raises:
        ConfigurationError: it says none.
    """
    age = AGE.fullmatch(text)
    duration: timedelta | None = None
    try:
        if SECONDS.fullmatch(text):
            duration = timedelta(seconds=int(text))
        else:
            duration = UNITS[age[2]] * int(age[1]) if age else parse_duration(text)
    except (ValueError, OverflowError):
        pass
    if duration is None or duration > LONGEST:
        raise ConfigurationError(
            f"{option} {text!r} is no duration such as 90, 90s, 30m, 2h or PT30M, up to {LONGEST.days}d"
        )
    return duration
