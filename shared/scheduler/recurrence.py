"""When a job runs: the first occurrence, and those after it.

The occurrences of a recurrence are a grid: anchor + k * interval. Where an instant falls on it is computed, never
walked to, so an anchor of ten years ago costs what one of yesterday does. A month keeps day and time of day of the
anchor; months without that day have no occurrence. Every instant is aware and in UTC.

A job with a startTime has its grid there. Without one its occurrences follow what happened: the grid is anchored at the
last actual start, anew each time.
"""

from calendar import isleap
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta

from shared.wire.recurrence import Frequency, Recurrence

UNITS = {
    Frequency.MINUTE: timedelta(minutes=1),
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
}
MONTHS = 12
MONTHS_END = (MAXYEAR + 1) * MONTHS
DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FEBRUARY = 1  # months count from 0 here
SHORTEST_MONTH = 28


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
        if (
            day > SHORTEST_MONTH
            and day > DAYS_OF_MONTH[month]
            and not is_leap_day(year, month, day)
        ):
            return None
        return self.anchor.replace(year=year, month=month + 1)


def first_occurrence(
    *,
    start_time: datetime | None,
    recurrence: Recurrence | None,
    now: datetime,
    run_now_delay: timedelta,
) -> datetime | None:
    """Return when a job that is planned at `now` runs first; None when the end of its recurrence comes before.

    The rules are those of the retired service: a start in the future is kept, a grid that began in the past goes on
    after now, and everything else runs now, which is `run_now_delay` ahead.
    """
    end_time = recurrence.end_time if recurrence else None
    if start_time is not None and start_time >= now:
        return not_after(start_time, end_time)
    if start_time is None or recurrence is None:
        return not_after(later(now, run_now_delay), end_time)
    grid = Grid(
        anchor=start_time,
        frequency=recurrence.frequency,
        interval=recurrence.interval,
        end_time=end_time,
    )
    return grid.next_after(now)


def is_leap_day(year: int, month: int, day: int) -> bool:
    return month == FEBRUARY and day == 29 and isleap(year)


def number_of_month(instant: datetime) -> int:
    return instant.year * MONTHS + instant.month - 1


def later(instant: datetime, duration: timedelta) -> datetime | None:
    """Return `instant + duration`; None beyond the last year there is."""
    try:
        return instant + duration
    except OverflowError:
        return None


def not_after(occurrence: datetime | None, end_time: datetime | None) -> datetime | None:
    if occurrence is None or end_time is None or occurrence <= end_time:
        return occurrence
    return None
