"""Arithmetic that recurrences share: instants up to the last year there is, and months counted from year 0."""

from calendar import isleap
from datetime import MAXYEAR, date, datetime, timedelta

MONTHS = 12
MONTHS_END = (MAXYEAR + 1) * MONTHS
DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FEBRUARY = 1  # months count from 0 here
SHORTEST_MONTH = 28
JUST_BEFORE = timedelta(microseconds=1)
"""There is no instant between this long before another and that other."""


def number_of_month(day: date) -> int:
    return day.year * MONTHS + day.month - 1


def length_of_month(year: int, month: int) -> int:
    return DAYS_OF_MONTH[month] + (month == FEBRUARY and isleap(year))


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
