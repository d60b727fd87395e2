"""How often a recurrence lets a job run: the shortest time between two of its occurrences, whenever it starts."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from shared.scheduler.instants import MONTHS
from shared.scheduler.schedule import (
    DAYS_OF_WEEK,
    MINUTES_OF_DAY,
    MINUTES_OF_HOUR,
    PLACES,
    Monthly,
    patterns_of,
    times_of,
)
from shared.wire.recurrence import Frequency, Schedule

# A month counts as its shortest: nothing monthly is refused that some month would allow.
PERIODS = {
    Frequency.MINUTE: timedelta(minutes=1),
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
    Frequency.MONTH: timedelta(days=28),
}
CYCLE = range(2001 * MONTHS, 2029 * MONTHS)
"""Within a century the calendar repeats after 28 years, in which every sequence of months occurs."""
LONGEST_MONTH = 31
ANY_DAY = 1
"""Where a schedule names no day, the start gives one; none comes sooner again than this."""


@lru_cache(maxsize=4096)
def shortest_period(
    frequency: Frequency, interval: int, schedule: Schedule | None = None
) -> timedelta:
    """Return the shortest time between two occurrences that lie within a schedule, or a whole interval without one."""
    if schedule is None:
        return PERIODS[frequency] * interval
    # What hour and minute the start gives is the same for all occurrences.
    times = times_of(schedule, frequency, hour=0, minute=0)
    between_units = shortest_between_units(schedule, frequency, interval) + times[0] - times[-1]
    return timedelta(minutes=min([between_units, *gaps(times)]))


def shortest_between_units(schedule: Schedule, frequency: Frequency, interval: int) -> int:
    """Return how many minutes apart the beginnings of two days (or hours) are at least."""
    if frequency is Frequency.HOUR:
        return interval * MINUTES_OF_HOUR
    if frequency is Frequency.WEEK:
        places = sorted(PLACES[day] for day in schedule.week_days or ()) or [0]
        days = [*gaps(places), interval * DAYS_OF_WEEK + places[0] - places[-1]]
    elif frequency is Frequency.MONTH:
        days = [*gaps_of_months(schedule, interval)]
    else:
        days = [interval]
    return min(days) * MINUTES_OF_DAY


def gaps_of_months(schedule: Schedule, interval: int) -> Iterator[int]:
    """Yield how many days lie between two of the schedule, for every month from which they can be counted."""
    patterns = patterns_of(schedule, day=ANY_DAY)
    for number in CYCLE:
        months = Monthly(first=number, interval=interval, patterns=patterns)
        begin = date(number // MONTHS, number % MONTHS + 1, 1).toordinal() - 1
        day = months.next_after(begin - 1)
        while day is not None and day < begin + LONGEST_MONTH:
            following = months.next_after(day)
            assert following is not None, "what comes once comes again"
            yield following - day
            day = following


def gaps(numbers: Sequence[int]) -> Iterator[int]:
    return (later - earlier for earlier, later in pairwise(numbers))
