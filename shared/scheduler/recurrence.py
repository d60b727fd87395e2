"""When a job runs: the first occurrence, and those after it.

The occurrences of a recurrence are a grid, anchor + k * interval, or those of a schedule (`schedule`). Where an instant
falls on it is computed, never walked to, so an anchor of ten years ago costs what one of yesterday does. A month keeps
day and time of day of the anchor; months without that day have no occurrence. Every instant is aware and in UTC.

A job with a startTime is anchored there. Without one its occurrences follow what happened: a schedule is anchored at
the first execution, a grid at the last actual start, anew each time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.scheduler.instants import (
    DAYS_OF_MONTH,
    JUST_BEFORE,
    MONTHS,
    MONTHS_END,
    later,
    length_of_month,
    not_after,
    number_of_month,
)
from shared.scheduler.schedule import scheduled
from shared.wire.recurrence import Frequency, Recurrence, Schedule

UNITS = {
    Frequency.MINUTE: timedelta(minutes=1),
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
}


class Occurrences(Protocol):
    """The occurrences of a recurrence from an anchor on, of which each costs the same however old that is."""

    def next_after(self, after: datetime) -> datetime | None:
        """Return the first occurrence strictly after `after`, which may be the anchor; None when none is left."""

    def last_until(self, until: datetime) -> datetime | None:
        """Return the last occurrence not after `until`; None before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The occurrences anchor + k * interval, k >= 0, none after `end_time`."""

    anchor: datetime
    frequency: Frequency
    interval: int
    end_time: datetime | None = None

    def next_after(self, after: datetime) -> datetime | None:
        """Return the first occurrence strictly after `after`, which may be the anchor; None when none is left."""
        if after < self.anchor:
            occurrence: datetime | None = self.anchor
        elif self.frequency is Frequency.MONTH:
            occurrence = self._next_month(after)
        else:
            step = UNITS[self.frequency] * self.interval
            occurrence = later(self.anchor, step * ((after - self.anchor) // step + 1))
        return not_after(occurrence, self.end_time)

    def last_until(self, until: datetime) -> datetime | None:
        """Return the last occurrence not after `until`; None before the first."""
        if self.end_time is not None and self.end_time < until:
            until = self.end_time
        if until < self.anchor:
            return None
        if self.frequency is Frequency.MONTH:
            return self._last_month(until)
        step = UNITS[self.frequency] * self.interval
        return self.anchor + step * ((until - self.anchor) // step)

    def _next_month(self, after: datetime) -> datetime | None:
        month = self._month_until(after)
        while month < MONTHS_END:
            occurrence = self._in_month(month)
            if occurrence is not None and occurrence > after:
                return occurrence
            month += self.interval
        return None

    def _last_month(self, until: datetime) -> datetime:
        month = self._month_until(until)
        while (occurrence := self._in_month(month)) is None or occurrence > until:
            month -= self.interval
        return occurrence

    def _month_until(self, instant: datetime) -> int:
        """Return the last month of the grid that has begun at `instant`; months count from year 0."""
        first = number_of_month(self.anchor)
        return first + (number_of_month(instant) - first) // self.interval * self.interval

    def _in_month(self, number: int) -> datetime | None:
        """Return the occurrence in that month, if it has the anchor's day."""
        year, month = number // MONTHS, number % MONTHS
        day = self.anchor.day
        if day > DAYS_OF_MONTH[month] and day > length_of_month(year, month):
            return None
        return self.anchor.replace(year=year, month=month + 1)


def occurrences(
    *,
    anchor: datetime,
    frequency: Frequency,
    interval: int,
    schedule: Schedule | None,
    end_time: datetime | None,
) -> Occurrences:
    """Return the occurrences from `anchor` on, none after `end_time`."""
    if schedule is None:
        return Grid(anchor=anchor, frequency=frequency, interval=interval, end_time=end_time)
    return scheduled(
        schedule, anchor=anchor, frequency=frequency, interval=interval, end_time=end_time
    )


def first_occurrence(
    *,
    start_time: datetime | None,
    recurrence: Recurrence | None,
    now: datetime,
    run_now_delay: timedelta,
) -> datetime | None:
    """Return when a job that is planned at `now` runs first; None when the end of its recurrence comes before.

    The rules are those of the retired service (contract/MODEL.md §5.1): occurrences from a startTime on are kept to,
    of those in the past none is made up for, and everything else runs now, which is `run_now_delay` ahead.
    """
    if recurrence is None:
        is_ahead = start_time is not None and start_time >= now
        return start_time if is_ahead else later(now, run_now_delay)
    if start_time is None:
        return not_after(later(now, run_now_delay), recurrence.end_time)
    of = occurrences(
        anchor=start_time,
        frequency=recurrence.frequency,
        interval=recurrence.interval,
        schedule=recurrence.schedule,
        end_time=recurrence.end_time,
    )
    # A start that is now is not past.
    return of.next_after(now - JUST_BEFORE if now == start_time else now)
