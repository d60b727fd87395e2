from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.retry_schedule import DELAYS, next_delay, parse_retry_after

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def test_the_table_without_jitter() -> None:
    hours = [
        delay.total_seconds() / 3600
        for failures in range(1, 11)
        if (delay := next_delay(failures, random=lambda: 0.0))
    ]

    assert hours[5:] == [1, 3, 6, 12, 24]
    assert [round(hour * 3600) for hour in hours[:5]] == [5, 30, 120, 600, 1800]


def test_the_eleventh_failure_is_the_last() -> None:
    assert next_delay(11, random=lambda: 0.0) is None


def test_a_table_of_ones_own_takes_its_place() -> None:
    own = [timedelta(seconds=1), timedelta(hours=2)]

    assert [next_delay(count, random=lambda: 0.0, delays=own) for count in (1, 2, 3)] == [
        *own,
        None,
    ]


@given(st.integers(1, 10), st.floats(0, 1, exclude_max=True))
def test_jitter_adds_at_most_a_tenth(failures: int, chance: float) -> None:
    delay = next_delay(failures, random=lambda: chance)

    assert delay is not None
    assert DELAYS[failures - 1] <= delay <= DELAYS[failures - 1] * 1.1


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        ("99999", timedelta(hours=24)),
        ("9" * 5000, timedelta(hours=24)),
        ("Thu, 01 Jan 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Thu, 01 Jan 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 01 Jan 2100 12:00:00 GMT", timedelta(hours=24)),
        ("Thu, 01 Jan 2026 12:00:30 -0000", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, wait: timedelta | None) -> None:
    assert parse_retry_after(value, now=NOW) == wait


@given(st.text(max_size=40))
def test_p10_no_header_breaks_the_reading(value: str) -> None:
    wait = parse_retry_after(value, now=NOW)

    assert wait is None or timedelta(0) <= wait <= timedelta(hours=24)
