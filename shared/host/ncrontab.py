"""NCRONTAB, the schedule language of timer triggers: `{second} {minute} {hour} {day} {month} {day-of-week}` in UTC.

Five fields mean second 0. A field is `*`, a value, a range `a-b` or a step (`*/n`, `a/n`, `a-b/n`), or several of them
with commas; months and days of the week have English names. Unlike crontab(5), day and day-of-week must both match.
A range that runs backwards is refused: NCrontab swaps its ends silently, and `FRI-MON` would mean Monday to Friday.
"""

import calendar
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from types import MappingProxyType

SECOND = timedelta(seconds=1)
TERM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?", re.ASCII)


def name_numbers(names: tuple[str, ...], start: int) -> Mapping[str, int]:
    long = {name.upper(): number for number, name in enumerate(names, start)}
    return MappingProxyType(long | {name[:3]: number for name, number in long.items()})


# The names of `calendar` follow the locale; the language does not.
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True, slots=True)
class Field:
    """What one position of a schedule may hold."""

    name: str
    first: int
    last: int
    names: Mapping[str, int] = field(default_factory=dict)

    def parse(self, text: str) -> tuple[int, ...]:
        """Return the values that `text` allows, in order. Raises ValueError."""
        return tuple(sorted({value for term in text.split(",") for value in self._term(term)}))

    def _term(self, text: str) -> range:
        match = TERM.fullmatch(text)
        if match is None:
            raise ValueError(f"{self.name}: {text!r} is not a value, range or step")
        first, last, step = match["first"], match["last"], int(match["step"] or 1)
        if step == 0 or (first == "*" and last is not None):
            raise ValueError(f"{self.name}: {text!r} is not a value, range or step")
        start = self.first if first == "*" else self._value(first)
        end = self.last if first == "*" or match["step"] else start
        if last is not None:
            end = self._value(last)
        if end < start:
            raise ValueError(f"{self.name}: {text!r} runs backwards")
        return range(start, end + 1, step)

    def _value(self, text: str) -> int:
        value = int(text) if text.isdecimal() else self.names.get(text.upper())
        if value is None or not self.first <= value <= self.last:
            raise ValueError(f"{self.name}: {text!r} is not within {self.first}-{self.last}")
        return value


FIELDS = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day", 1, 31),
    Field("month", 1, 12, name_numbers(MONTHS, 1)),
    Field("day-of-week", 0, 6, name_numbers(WEEKDAYS, 0)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ncrontab:
    """A schedule; each field holds its allowed values in order, days of the week from Sunday = 0."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def next_after(self, instant: datetime) -> datetime:
        """Return the first occurrence strictly after `instant`, in UTC.

        Raises:
            OverflowError: there is none before the year 10000.
        """
        earliest = instant.astimezone(UTC).replace(microsecond=0) + SECOND
        today = earliest.date()
        if self._is_day(today):
            wanted = (earliest.hour, earliest.minute, earliest.second)
            if (time := self._time_from(wanted)) is not None:
                return datetime(today.year, today.month, today.day, *time, tzinfo=UTC)
        day = next(self._days_after(today), None)
        if day is None:
            raise OverflowError("no occurrence before the year 10000")
        first = (self.hours[0], self.minutes[0], self.seconds[0])
        return datetime(day.year, day.month, day.day, *first, tzinfo=UTC)

    def _is_day(self, day: date) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )

    def _days_after(self, today: date) -> Iterator[date]:
        for year in range(today.year, MAXYEAR + 1):
            for month in self.months:
                if (year, month) < (today.year, today.month):
                    continue
                length = calendar.monthrange(year, month)[1]
                for day in self.days[: bisect_left(self.days, length + 1)]:
                    candidate = date(year, month, day)
                    if candidate > today and candidate.isoweekday() % 7 in self.weekdays:
                        yield candidate

    def _time_from(self, wanted: tuple[int, int, int]) -> tuple[int, int, int] | None:
        hour, minute, second = wanted
        if hour in self.hours:
            if minute in self.minutes and (found := first_from(self.seconds, second)) is not None:
                return hour, minute, found
            if (found := first_from(self.minutes, minute + 1)) is not None:
                return hour, found, self.seconds[0]
        if (found := first_from(self.hours, hour + 1)) is not None:
            return found, self.minutes[0], self.seconds[0]
        return None


def first_from(values: tuple[int, ...], minimum: int) -> int | None:
    position = bisect_left(values, minimum)
    return values[position] if position < len(values) else None


def parse_ncrontab(text: str) -> Ncrontab:
    """Return the schedule that `text` describes.

    Raises:
        ValueError: it is malformed, or names only days that no calendar has.
    """
    parts = text.split()
    if len(parts) not in (5, 6):
        raise ValueError(f"{text!r} has {len(parts)} fields, not six (or five without seconds)")
    if len(parts) == 5:
        parts.insert(0, "0")
    seconds, minutes, hours, days, months, weekdays = (
        part.parse(value) for part, value in zip(FIELDS, parts, strict=True)
    )
    # 2024 is a leap year, so its months are as long as they ever get.
    if not any(days[0] <= calendar.monthrange(2024, month)[1] for month in months):
        raise ValueError(f"{text!r} names a day that none of its months has")
    return Ncrontab(
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=weekdays,
    )
