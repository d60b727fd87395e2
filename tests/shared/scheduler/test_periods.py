from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.scheduler.periods import shortest_period
from shared.scheduler.recurrence import occurrences
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from shared.wire.recurrence import MAX_INTERVAL, Frequency, Recurrence
from tests.shared.wire.strategies import schedules

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("frequency", "interval", "schedule", "shortest"),
    [
        ("hour", 1, {"minutes": [15]}, HOUR),
        ("hour", 3, {"minutes": [0, 59]}, 59 * MINUTE),
        ("hour", 1, {"minutes": [0, 59]}, MINUTE),
        ("day", 1, {"minutes": [0, 15, 30, 45]}, 15 * MINUTE),
        ("day", 1, {"minutes": [15]}, HOUR),
        ("day", 1, {"hours": [5]}, DAY),
        ("day", 2, {"hours": [5]}, 2 * DAY),
        ("day", 1, {"hours": [23, 0]}, HOUR),
        ("day", 2, {"hours": [23, 0]}, 23 * HOUR),
        ("day", 1, {"hours": [0, 23], "minutes": [59, 0]}, MINUTE),
        ("week", 2, {"hours": [5]}, 14 * DAY),
        ("week", 1, {"weekDays": ["sunday", "saturday"]}, DAY),
        ("week", 2, {"weekDays": ["sunday", "saturday"]}, 6 * DAY),
        ("week", 1, {"weekDays": ["sunday", "saturday"], "hours": [0, 23]}, HOUR),
        ("week", 2, {"weekDays": ["sunday", "friday"], "hours": [0, 23]}, 23 * HOUR),
        ("month", 1, {"hours": [5]}, 28 * DAY),
        ("month", 2, {"hours": [5]}, 59 * DAY),
        ("month", 1, {"monthDays": [1, -1]}, DAY),
        ("month", 2, {"monthDays": [1, -1]}, 27 * DAY),
        ("month", 1, {"monthDays": [31]}, 31 * DAY),
        ("month", 1, {"monthDays": [31, -1]}, 28 * DAY),
        ("month", 1, {"monthDays": [31, 1], "hours": [0, 23]}, HOUR),
        ("month", 1, {"monthlyOccurrences": [{"day": "friday"}]}, 7 * DAY),
        ("month", 1, {"monthlyOccurrences": [{"day": "friday", "occurrence": 1}]}, 28 * DAY),
        ("month", 1, {"monthlyOccurrences": [{"day": "friday", "occurrence": 5}]}, 63 * DAY),
        (
            "month", 1,
            {"monthlyOccurrences": [
                {"day": "friday", "occurrence": 5}, {"day": "friday", "occurrence": 1},
            ]},
            7 * DAY,
        ),
    ],
)  # fmt: skip
def test_the_shortest_time_between_two_occurrences_follows_from_what_is_named(
    frequency: str, interval: int, schedule: JsonObject, shortest: timedelta
) -> None:
    rule = read(Recurrence, {"frequency": frequency, "interval": interval, "schedule": schedule})

    assert shortest_period(rule.frequency, rule.interval, rule.schedule) == shortest


@pytest.mark.parametrize("frequency", Frequency)
def test_without_a_schedule_it_is_the_interval(frequency: Frequency) -> None:
    once = shortest_period(frequency, 1)

    assert once == {"minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY}.get(
        frequency, 28 * DAY
    )
    assert shortest_period(frequency, 7) == 7 * once


@st.composite
def recurrences(draw: st.DrawFn) -> tuple[Recurrence, datetime]:
    frequency = draw(st.sampled_from([one for one in Frequency if one is not Frequency.MINUTE]))
    rule = Recurrence(
        frequency=frequency,
        interval=draw(st.integers(1, 3) | st.integers(1, MAX_INTERVAL[frequency])),
        schedule=draw(schedules(frequency).filter(bool)),
    )
    age = draw(st.timedeltas(timedelta(0), timedelta(days=365 * 200)))
    return rule, datetime(1950, 1, 1, tzinfo=UTC) + age


@settings(deadline=None)
@given(recurrences())
def test_no_two_occurrences_are_closer(drawn: tuple[Recurrence, datetime]) -> None:
    rule, anchor = drawn
    found = occurrences(
        anchor=anchor,
        frequency=rule.frequency,
        interval=rule.interval,
        schedule=rule.schedule,
        end_time=None,
    )
    shortest = shortest_period(rule.frequency, rule.interval, rule.schedule)

    previous = found.next_after(anchor)
    for _ in range(30):
        following = found.next_after(previous) if previous else None
        if previous is None or following is None:
            break
        assert following - previous >= shortest > timedelta(0)
        previous = following
