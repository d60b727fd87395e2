"""Instants and durations in the forms of the wire.

Instants: ISO 8601; without an offset they mean UTC (the Python client sends none), a date alone its first instant (a
sample of Microsoft's has one); answers are UTC with `Z`, trailing zeros of the fraction trimmed. The service has a
digit more than `datetime`: what a caller gave is shown with it.
Durations: the service speaks .NET TimeSpan `[d.]hh:mm:ss`, its documentation and the Node client ISO 8601; both are
read, TimeSpan is written.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,20}))?)?"
    r"(?:([Zz])|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)
TIME_SPAN = re.compile(r"(?:(\d{1,8})\.)?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,7}))?", re.ASCII)
ISO_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,8})Y)?(?:(\d{1,8})M)?(?:(\d{1,8})W)?(?:(\d{1,8})D)?"
    r"(?:T(?=\d)(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,8}(?:\.\d{1,7})?)S)?)?",
    re.ASCII,
)
TICKS_PER_SECOND = 10_000_000
# XmlConvert of .NET counts a year as 365 days and a month as 30.
DAYS_PER_YEAR, DAYS_PER_MONTH = 365, 30


class FineInstant(datetime):
    """An instant with the seventh digit of the fraction; it compares and counts as if it had none."""

    tick = 0


def with_tick(instant: datetime, tick: int) -> datetime:
    """Return a UTC instant with `tick` as its seventh digit."""
    if tick == 0:
        return instant
    fine = FineInstant.combine(instant.date(), instant.timetz())
    fine.tick = tick
    return fine


def tick_of(instant: datetime) -> int:
    """Return the seventh digit of the fraction."""
    return instant.tick if isinstance(instant, FineInstant) else 0


def parse_instant(text: str) -> datetime:
    """Return an aware UTC instant, to the nearest tenth of a microsecond, as .NET has it.

    Raises:
        ValueError: it is no instant, or one that UTC cannot express.
    """
    match = INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("must be an ISO 8601 instant such as 2026-01-31T02:30:00Z")
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = match.groups()
    zone = UTC if sign is None else _offset(sign, hours, minutes)
    try:
        instant = datetime(
            *(int(year), int(month), int(day)),
            *(int(hour or 0), int(minute or 0), int(second or 0)),
            tzinfo=zone,
        )
        tick = 0
        if fraction is not None:
            microseconds, tick = divmod(round(Decimal(f"0.{fraction}") * TICKS_PER_SECOND), 10)
            instant += timedelta(microseconds=microseconds)
        return with_tick(instant if zone is UTC else instant.astimezone(UTC), tick)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is not an instant that exists: {error}") from None


def format_instant(instant: datetime) -> str:
    """Return `yyyy-MM-ddTHH:mm:ss[.fffffff]Z`, trailing zeros of the fraction trimmed."""
    naive = instant.astimezone(UTC).replace(tzinfo=None)
    if tick := tick_of(instant):
        return f"{naive.isoformat(timespec='microseconds')}{tick}Z"
    text = naive.isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def parse_duration(text: str) -> timedelta:
    """Return a TimeSpan `[d.]hh:mm:ss` or an ISO 8601 duration.

    Raises:
        ValueError: it is neither.
    """
    if match := TIME_SPAN.fullmatch(text):
        days, hours, minutes, seconds, fraction = match.groups()
        if int(hours) < 24 and int(minutes) < 60 and int(seconds) < 60:
            microseconds = round(Decimal(f"0.{fraction}") * 1_000_000) if fraction else 0
            return timedelta(
                int(days or 0), int(seconds), microseconds, 0, int(minutes), int(hours)
            )
    elif match := ISO_DURATION.fullmatch(text):
        return _iso_duration(*match.groups("0"))
    raise ValueError("must be a duration such as 00:01:00, 1.00:00:00 or PT1M")


def format_time_span(duration: timedelta) -> str:
    """Return the TimeSpan form `[d.]hh:mm:ss[.ffffff0]` of a duration that is not negative."""
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{duration.days}." if duration.days else ""
    # .NET writes a fraction with all of its seven digits.
    fraction = f".{duration.microseconds:06}0" if duration.microseconds else ""
    return f"{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def _offset(sign: str, hours: str, minutes: str) -> timezone:
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    if int(minutes) > 59 or ahead > timedelta(hours=14):
        raise ValueError("has an offset beyond 14 hours")
    return timezone(ahead if sign == "+" else -ahead)


def _iso_duration(years: str, months: str, weeks: str, days: str, *clock: str) -> timedelta:
    hours, minutes, seconds = clock
    whole_days = (
        int(years) * DAYS_PER_YEAR + int(months) * DAYS_PER_MONTH + int(weeks) * 7 + int(days)
    )
    try:
        return timedelta(
            days=whole_days,
            hours=int(hours),
            minutes=int(minutes),
            microseconds=round(Decimal(seconds) * 1_000_000),
        )
    except OverflowError:
        raise ValueError("is longer than any duration can be") from None


def _read_instant(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise PydanticCustomError("instant", "must be a string with an ISO 8601 instant")
    try:
        return parse_instant(value)
    except ValueError as error:
        raise PydanticCustomError("instant", "{reason}", {"reason": str(error)}) from None


def _read_duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("duration", "must be a string with a duration such as 00:01:00")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None


Instant = Annotated[
    datetime,
    PlainValidator(_read_instant),
    PlainSerializer(format_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Duration = Annotated[
    timedelta,
    PlainValidator(_read_duration),
    PlainSerializer(format_time_span),
    WithJsonSchema({"type": "string", "pattern": f"^{TIME_SPAN.pattern}$"}),
]
