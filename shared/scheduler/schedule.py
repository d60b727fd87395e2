"""Occurrences by a schedule (contract/MODEL.md §5.2): on days and at times that it names, within every n-th period.

Periods are counted from the one in which the anchor is; a week begins with Sunday. What the schedule leaves out comes
from the anchor: the day of the week or of the month, hour, minute, and always the seconds. Only hours are different
where minutes are named: Microsoft's examples take `minutes` alone for those of every hour.

Here a period is made of units, which are days and, by the hour, hours; units and the minutes in them are counted from
the first instant there is. So each answer costs the same wherever anchor and instant are.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from shared.scheduler.instants import (
    MONTHS,
    MONTHS_END,
    SHORTEST_MONTH,
    later,
    length_of_month,
    not_after,
    number_of_month,
)
from shared.wire.recurrence import Frequency, Schedule, WeekDay

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTES_OF_HOUR = 60
MINUTES_OF_DAY = 1440
DAYS_OF_WEEK = 7
CALENDAR = 4800
"""So many months until the calendar repeats: what has not come in 400 years never comes."""
PLACES = {day: place for place, day in enumerate(WeekDay)}
"""Where in a week a day is: Sunday is 0."""


class Units(Protocol):
    """The units that a recurrence takes, by their numbers."""

    def next_after(self, unit: int) -> int | None:
        """Return the first that is taken after `unit`, which is none before the anchor's predecessor."""

    def last_until(self, unit: int) -> int | None:
        """Return the last that is taken up to `unit`; None before the anchor's period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """The occurrences of a schedule from `anchor` on, none after `end_time`; made by `scheduled`.

    `origin` is the first minute there is, with the anchor's seconds; `first` the anchor's minute counted from there.
    """

    anchor: datetime
    end_time: datetime | None
    origin: datetime
    first: int
    length: int
    times: tuple[int, ...]
    units: Units

    def next_after(self, after: datetime) -> datetime | None:
        """Return the first occurrence strictly after `after`; None when none is left."""
        minute = self.first - 1 if after < self.anchor else (after - self.origin) // MINUTE
        unit, within = divmod(minute, self.length)
        if within < self.times[-1] and self.units.last_until(unit) == unit:
            return self._at(unit, self.times[bisect_right(self.times, within)])
        following = self.units.next_after(unit)
        return None if following is None else self._at(following, self.times[0])

    def last_until(self, until: datetime) -> datetime | None:
        """Return the last occurrence not after `until`; None before the first."""
        if self.end_time is not None and self.end_time < until:
            until = self.end_time
        unit, within = divmod((until - self.origin) // MINUTE, self.length)
        if within < self.times[0]:
            unit, within = unit - 1, self.length
        last = self.units.last_until(unit) if until >= self.anchor else None
        if last is None:
            return None
        place = bisect_right(self.times, within) if last == unit else 0
        found = self._at(last, self.times[place - 1])
        return found if found is not None and found >= self.anchor else None

    def _at(self, unit: int, within: int) -> datetime | None:
        occurrence = later(self.origin, timedelta(minutes=unit * self.length + within))
        return not_after(occurrence, self.end_time)


def scheduled(
    schedule: Schedule,
    *,
    anchor: datetime,
    frequency: Frequency,
    interval: int,
    end_time: datetime | None,
) -> Scheduled:
    """Return the occurrences that `schedule` has within every n-th period from `anchor` on."""
    origin = BEGINNING.replace(second=anchor.second, microsecond=anchor.microsecond)
    first = (anchor - origin) // MINUTE
    length = MINUTES_OF_HOUR if frequency is Frequency.HOUR else MINUTES_OF_DAY
    return Scheduled(
        anchor=anchor,
        end_time=end_time,
        origin=origin,
        first=first,
        length=length,
        times=times_of(schedule, frequency, hour=anchor.hour, minute=anchor.minute),
        units=units_of(schedule, frequency, interval, anchor=anchor, first=first // length),
    )


def units_of(
    schedule: Schedule, frequency: Frequency, interval: int, *, anchor: datetime, first: int
) -> Units:
    if frequency is Frequency.WEEK:
        week, place = divmod(first + 1, DAYS_OF_WEEK)
        places = tuple(sorted(PLACES[day] for day in schedule.week_days or ())) or (place,)
        return Weekly(first=week, interval=interval, places=places)
    if frequency is Frequency.MONTH:
        patterns = patterns_of(schedule, day=anchor.day)
        return Monthly(first=number_of_month(anchor), interval=interval, patterns=patterns)
    return EveryNth(first=first, interval=interval)


@lru_cache(maxsize=1024)
def times_of(
    schedule: Schedule, frequency: Frequency, *, hour: int, minute: int
) -> tuple[int, ...]:
    """Return the minutes of a unit at which the schedule fires; `hour` and `minute` are the anchor's."""
    minutes = sorted(schedule.minutes or (minute,))
    if frequency is Frequency.HOUR:
        return tuple(minutes)
    hours = sorted(schedule.hours or (range(24) if schedule.minutes else (hour,)))
    return tuple(hour * MINUTES_OF_HOUR + minute for hour in hours for minute in minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryNth:
    """Each n-th unit."""

    first: int
    interval: int

    def next_after(self, unit: int) -> int:
        if unit < self.first:
            return self.first
        return unit + self.interval - (unit - self.first) % self.interval

    def last_until(self, unit: int) -> int | None:
        if unit < self.first:
            return None
        return unit - (unit - self.first) % self.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Days of each n-th week; the first day there is, 0, is a Monday."""

    first: int
    interval: int
    places: tuple[int, ...]

    def next_after(self, unit: int) -> int:
        week, place = divmod(unit + 1, DAYS_OF_WEEK)
        behind = (week - self.first) % self.interval
        if not behind and place < self.places[-1]:
            return unit - place + self.places[bisect_right(self.places, place)]
        return (week - behind + self.interval) * DAYS_OF_WEEK + self.places[0] - 1

    def last_until(self, unit: int) -> int | None:
        week, place = divmod(unit + 1, DAYS_OF_WEEK)
        behind = (week - self.first) % self.interval
        if not behind and place >= self.places[0]:
            return unit - place + self.places[bisect_right(self.places, place) - 1]
        week -= behind or self.interval
        return None if week < self.first else week * DAYS_OF_WEEK + self.places[-1] - 1


Patterns = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """Days of each n-th month; a month without any of them is passed over."""

    first: int
    interval: int
    patterns: Patterns

    def next_after(self, unit: int) -> int | None:
        month = number_of_month(date.fromordinal(max(unit, 0) + 1))
        month += (self.first - month) % self.interval
        for number in range(month, min(month + CALENDAR, MONTHS_END), self.interval):
            begin, days = self._days(number)
            place = bisect_right(days, unit - begin)
            if place < len(days):
                return begin + days[place]
        return None

    def last_until(self, unit: int) -> int | None:
        if unit < 0:
            return None
        month = number_of_month(date.fromordinal(unit + 1))
        month -= (month - self.first) % self.interval
        for number in range(month, max(month - CALENDAR, self.first - 1), -self.interval):
            begin, days = self._days(number)
            place = bisect_right(days, unit - begin)
            if place:
                return begin + days[place - 1]
        return None

    def _days(self, number: int) -> tuple[int, tuple[int, ...]]:
        """Return the number of the month's first day, and how many days after it the others are."""
        year, month = divmod(number, MONTHS)
        begin = date(year, month + 1, 1).toordinal() - 1
        return begin, self.patterns[pattern_index(begin, length_of_month(year, month))]


def pattern_index(begin: int, length: int) -> int:
    """A month is one of 28: by its length, and by the day of the week that `begin` is, Monday first."""
    return (length - SHORTEST_MONTH) * DAYS_OF_WEEK + begin % DAYS_OF_WEEK


@lru_cache(maxsize=1024)
def patterns_of(schedule: Schedule, *, day: int) -> Patterns:
    """Return the days that the schedule takes of each kind of month, from 0; `day` of the month is the anchor's."""
    return tuple(
        tuple(sorted(days_of(schedule, day, begin=begin, length=length)))
        for length in range(SHORTEST_MONTH, 32)
        for begin in range(DAYS_OF_WEEK)
    )


def days_of(schedule: Schedule, day: int, *, begin: int, length: int) -> set[int]:
    if not schedule.monthly_occurrences:
        numbers = schedule.month_days or (day,)
        found = {length + number if number < 0 else number - 1 for number in numbers}
        return {one for one in found if 0 <= one < length}
    found = set()
    for one in schedule.monthly_occurrences:
        # Sunday, the 6th of a week that begins with Monday, is the 0th of ours.
        days = range((PLACES[one.day] - 1 - begin) % DAYS_OF_WEEK, length, DAYS_OF_WEEK)
        if one.occurrence is None:
            found.update(days)
        elif abs(one.occurrence) <= len(days):
            found.add(days[one.occurrence - (one.occurrence > 0)])
    return found
