from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.host.ncrontab import FIELDS, Ncrontab, parse_ncrontab

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("* * * * * *", NOON, NOON + timedelta(seconds=1)),
        ("0 */5 * * * *", NOON, datetime(2026, 1, 1, 12, 5, tzinfo=UTC)),
        ("*/5 * * * *", NOON, datetime(2026, 1, 1, 12, 5, tzinfo=UTC)),
        ("0 0 0 * * MON", NOON, datetime(2026, 1, 5, tzinfo=UTC)),
        ("0 0 0 1 January,jul *", NOON, datetime(2026, 7, 1, tzinfo=UTC)),
        ("0 30 9 * * 1-5", NOON, datetime(2026, 1, 2, 9, 30, tzinfo=UTC)),
        ("15 10-40/15 23 * * *", NOON, datetime(2026, 1, 1, 23, 10, 15, tzinfo=UTC)),
        ("0 50/5 * * * *", NOON, datetime(2026, 1, 1, 12, 50, tzinfo=UTC)),
        ("0 0 0 29 2 *", NOON, datetime(2028, 2, 29, tzinfo=UTC)),
        ("0 0 0 29 2 SUN", NOON, datetime(2032, 2, 29, tzinfo=UTC)),
        ("0 0 0 13 * FRI", NOON, datetime(2026, 2, 13, tzinfo=UTC)),
        ("0 0 0 31 12 *", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)),
        ("59 59 23 * * *", NOON, datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_next_occurrence(text: str, after: datetime, expected: datetime) -> None:
    assert parse_ncrontab(text).next_after(after) == expected


def test_fractions_of_a_second_and_other_zones_count() -> None:
    schedule = parse_ncrontab("* * * * * *")
    after = datetime(2026, 1, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert schedule.next_after(after) == NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 0 0 * * * *", "has 7 fields"),
        ("60 * * * * *", "second: '60' is not within 0-59"),
        ("0 0 24 * * *", "hour: '24'"),
        ("0 0 0 0 * *", "day: '0'"),
        ("0 0 0 * 13 *", "month: '13'"),
        ("0 0 0 * * 7", "day-of-week: '7'"),
        ("0 0 0 * Foo *", "month: 'Foo'"),
        ("MON * * * * *", "second: 'MON'"),
        ("0 */0 * * * *", "not a value, range or step"),
        ("0 *-5 * * * *", "not a value, range or step"),
        ("0 5- * * * *", "not a value, range or step"),
        ("0 1,,2 * * * *", "not a value, range or step"),
        ("0 0 0 * * FRI-MON", "runs backwards"),
        ("0 0 0 31 2,4 *", "a day that none of its months has"),
        ("0 0 ٣ * * *", "not a value, range or step"),
    ],
)
def test_malformed_schedule_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_ncrontab(text)


def test_no_occurrence_before_the_end_of_time_overflows() -> None:
    with pytest.raises(OverflowError, match="year 10000"):
        parse_ncrontab("0 0 0 1 1 *").next_after(datetime(9999, 6, 1, tzinfo=UTC))


def subsets(first: int, last: int) -> st.SearchStrategy[tuple[int, ...]]:
    some = st.sets(st.integers(first, last), min_size=1, max_size=4)
    return (some | st.just(set(range(first, last + 1)))).map(lambda values: tuple(sorted(values)))


SCHEDULES = st.builds(
    Ncrontab,
    seconds=subsets(0, 59),
    minutes=subsets(0, 59),
    hours=subsets(0, 23),
    days=subsets(1, 28),
    months=subsets(1, 12),
    weekdays=subsets(0, 6),
)
FIRST, LAST = datetime(1999, 1, 1), datetime(2101, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def is_occurrence(schedule: Ncrontab, instant: datetime) -> bool:
    return (
        instant.second in schedule.seconds
        and instant.minute in schedule.minutes
        and instant.hour in schedule.hours
        and instant.day in schedule.days
        and instant.month in schedule.months
        and instant.isoweekday() % 7 in schedule.weekdays
    )


@given(SCHEDULES, INSTANTS)
def test_next_occurrence_fits_its_schedule_and_is_later(
    schedule: Ncrontab, instant: datetime
) -> None:
    found = schedule.next_after(instant)

    assert found > instant
    assert is_occurrence(schedule, found)


@given(SCHEDULES, INSTANTS)
def test_occurrences_are_the_same_from_anywhere_between_two(
    schedule: Ncrontab, instant: datetime
) -> None:
    first = schedule.next_after(instant)

    assert schedule.next_after(instant + (first - instant) / 2) == first
    assert schedule.next_after(first - timedelta(microseconds=1)) == first


@given(
    st.builds(
        Ncrontab,
        seconds=subsets(0, 59),
        minutes=subsets(0, 59),
        hours=subsets(0, 23),
        days=st.just(tuple(range(1, 32))),
        months=st.just(tuple(range(1, 13))),
        weekdays=st.just(tuple(range(7))),
    ),
    INSTANTS,
)
def test_walking_second_by_second_finds_the_same(schedule: Ncrontab, instant: datetime) -> None:
    found = schedule.next_after(instant)
    walked = instant.replace(microsecond=0) + timedelta(seconds=1)
    # Hours that cannot hold an occurrence are walked in one step, or this takes minutes.
    while not is_occurrence(schedule, walked):
        if walked.hour in schedule.hours:
            walked += timedelta(seconds=1)
        else:
            walked = walked.replace(minute=0, second=0) + timedelta(hours=1)

    assert found == walked


@given(SCHEDULES)
def test_a_schedule_written_out_reads_as_itself(schedule: Ncrontab) -> None:
    values = (
        *(schedule.seconds, schedule.minutes, schedule.hours),
        *(schedule.days, schedule.months, schedule.weekdays),
    )

    assert parse_ncrontab(" ".join(",".join(map(str, each)) for each in values)) == schedule


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_star_is_every_value_of_a_field(field: object) -> None:
    assert isinstance(field, type(FIELDS[0]))
    assert field.parse("*") == tuple(range(field.first, field.last + 1))
