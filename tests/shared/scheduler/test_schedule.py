"""Occurrences by a schedule: every documented example (contract/MODEL.md §5.3), and what its periods are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.scheduler.recurrence import Occurrences, first_occurrence, occurrences
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from shared.wire.recurrence import MAX_INTERVAL, Frequency, Recurrence, Schedule, WeekDay
from shared.wire.times import parse_instant
from tests.shared.scheduler.costs import calls_of
from tests.shared.scheduler.documented_schedules import DOCUMENTED, START, friday
from tests.shared.wire.strategies import schedules

DELAY = timedelta(seconds=20)
TICK = timedelta(microseconds=1)


def rule(frequency: str, schedule: JsonObject, *, interval: int = 1) -> Recurrence:
    return read(Recurrence, {"frequency": frequency, "interval": interval, "schedule": schedule})


def of(recurrence: Recurrence, anchor: datetime = START) -> Occurrences:
    return occurrences(
        anchor=anchor,
        frequency=recurrence.frequency,
        interval=recurrence.interval,
        schedule=recurrence.schedule,
        end_time=recurrence.end_time,
    )


def following(recurrence: Recurrence, start: str | datetime = START) -> Iterator[datetime]:
    anchor = parse_instant(start) if isinstance(start, str) else start
    found = of(recurrence, anchor).next_after(anchor - TICK)
    while found is not None:
        yield found
        found = of(recurrence, anchor).next_after(found)


@pytest.mark.parametrize(("frequency", "schedule", "expected"), DOCUMENTED)
def test_every_documented_example_fires_as_documented(
    frequency: str, schedule: JsonObject, expected: list[str]
) -> None:
    found = list(islice(following(rule(frequency, schedule)), len(expected)))

    assert [f"{one:%m-%dT%H:%M}" for one in found] == expected
    assert {(one.second, one.microsecond) for one in found} == {(40, 5)}


@pytest.mark.parametrize(
    ("frequency", "interval", "schedule", "expected"),
    [
        # By the hour, an extension: minutes within every n-th hour from the start's on.
        ("hour", 1, {"minutes": [50, 10]}, ["07T03:50", "07T04:10", "07T04:50"]),
        ("hour", 10, {"minutes": [10, 50]}, ["07T03:50", "07T13:10", "07T13:50", "07T23:10"]),
        ("day", 3, {"hours": [1, 5]}, ["07T05:20", "10T01:20", "10T05:20", "13T01:20"]),
        # Weeks begin with Sunday: the 11th is in the week after the start's.
        ("week", 2, {"weekDays": ["sunday", "friday"]}, ["09T03:20", "18T03:20", "23T03:20"]),
        ("week", 2, {"weekDays": ["saturday"]}, ["10T03:20", "24T03:20"]),
        ("week", 1, {"hours": [1]}, ["14T01:20", "21T01:20"]),
        ("month", 2, {"monthDays": [1, 20]}, ["20T03:20", "01T03:20", "20T03:20", "01T03:20"]),
        ("month", 1, {"hours": [1]}, ["07T01:20", "07T01:20"]),
    ],
)
def test_an_interval_takes_every_nth_period_from_the_starts(
    frequency: str, interval: int, schedule: JsonObject, expected: list[str]
) -> None:
    found = islice(following(rule(frequency, schedule, interval=interval)), len(expected))

    assert [f"{one:%dT%H:%M}" for one in found] == expected


def test_months_of_a_longer_interval_are_counted_from_the_starts() -> None:
    found = islice(following(rule("month", {"monthDays": [1, 20]}, interval=2)), 4)

    assert [one.month for one in found] == [1, 3, 3, 5]


def test_a_day_of_the_week_without_a_place_is_each_of_them() -> None:
    sundays = rule("month", {"monthlyOccurrences": [{"day": "sunday"}]})

    assert [one.day for one in islice(following(sundays), 7)] == [11, 18, 25, 1, 8, 15, 22]


def test_a_day_that_is_named_twice_fires_once() -> None:
    last = rule("month", {"monthDays": [31, -1]})

    assert [f"{one:%m-%d}" for one in islice(following(last), 3)] == ["01-31", "02-28", "03-31"]


def test_a_day_that_the_starts_month_does_not_give_is_the_starts_own() -> None:
    monthly = rule("month", {"hours": [1]})

    assert [f"{one:%m-%d}" for one in islice(following(monthly, "2026-01-31T00:00Z"), 3)] == [
        "01-31", "03-31", "05-31",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "now", "expected"),
    [
        (None, "2026-01-07T12:00Z", "2026-01-07T12:00:20Z"),
        ("2026-01-01T03:20:40Z", "2026-01-07T12:00Z", "2026-01-07T17:15:40Z"),
        ("2026-01-01T03:20:40Z", "2026-01-07T17:15:40Z", "2026-01-08T05:15:40Z"),
        ("2026-01-01T03:20:40Z", "2026-01-07T17:15:39.999999Z", "2026-01-07T17:15:40Z"),
        ("2026-01-07T17:15Z", "2026-01-07T17:15Z", "2026-01-07T17:15Z"),
        ("2026-01-09T17:15Z", "2026-01-07T17:15Z", "2026-01-09T17:15Z"),
        ("2026-01-09T17:15:01Z", "2026-01-07T17:15Z", "2026-01-09T17:15:01Z"),
        ("2026-01-09T17:16Z", "2026-01-07T17:15Z", "2026-01-10T05:15Z"),
    ],
)
def test_a_job_with_a_schedule_starts_by_the_documented_table(
    start: str | None, now: str, expected: str
) -> None:
    found = first_occurrence(
        start_time=parse_instant(start) if start else None,
        recurrence=rule("day", {"minutes": [15], "hours": [5, 17]}),
        now=parse_instant(now),
        run_now_delay=DELAY,
    )

    assert found == parse_instant(expected)


def test_no_occurrence_comes_after_the_end() -> None:
    daily = rule("day", {"hours": [5]}).model_copy(
        update={"end_time": parse_instant("2026-01-08T05:20:40.000005Z")}
    )

    assert [one.day for one in following(daily)] == [7, 8]
    last = of(daily).last_until(parse_instant("2030-01-01T00:00Z"))
    assert last is not None
    assert last.day == 8
    assert of(daily).next_after(last) is None


@pytest.mark.parametrize("interval", [1, 7, 12])
@pytest.mark.parametrize("frequency", [Frequency.DAY, Frequency.WEEK, Frequency.MONTH])
def test_nothing_comes_after_the_last_year_or_before_the_first(
    frequency: Frequency, interval: int
) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    nightly = of(rule(frequency, {"hours": [0]}, interval=interval), last)
    ancient = of(rule(frequency, {"hours": [0]}, interval=interval), datetime(1, 1, 1, tzinfo=UTC))

    assert nightly.next_after(last) is None
    assert nightly.next_after(last - TICK) is None
    assert nightly.last_until(last) is None
    assert ancient.next_after(datetime(1, 1, 1, tzinfo=UTC)) is not None
    found = ancient.last_until(last)
    assert found is not None
    assert ancient.next_after(found) is None
    assert ancient.next_after(last) is None


@pytest.mark.parametrize("frequency", ["day", "week", "month"])
def test_nothing_was_before_the_first_day_there_is(frequency: str) -> None:
    beginning = datetime(1, 1, 1, tzinfo=UTC)
    found = of(rule(frequency, {"hours": [5]}), beginning)

    assert found.last_until(beginning) is None
    assert found.next_after(beginning) == beginning + timedelta(hours=5)


def test_what_never_fires_ends_the_search() -> None:
    never = of(rule("month", {"monthDays": [31]}, interval=12), datetime(2026, 2, 1, tzinfo=UTC))

    assert never.next_after(START) is None
    assert never.last_until(datetime(9000, 1, 1, tzinfo=UTC)) is None
    assert calls_of(lambda: never.next_after(START)) < 10 * 400


def test_a_fifth_sunday_of_february_is_found_over_a_century_without_a_leap_day() -> None:
    rare = rule("month", {"monthlyOccurrences": [{"day": "sunday", "occurrence": 5}]}, interval=12)

    found = of(rare, datetime(2000, 2, 1, tzinfo=UTC))

    for year in (2004, 2032, 2060, 2088):
        assert found.last_until(datetime(year, 3, 1, tzinfo=UTC)) == datetime(
            year, 2, 29, tzinfo=UTC
        )
    assert found.next_after(datetime(2088, 3, 1, tzinfo=UTC)) == datetime(2128, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("frequency", "schedule"),
    [
        ("hour", {"minutes": [15]}),
        ("day", {"hours": [5]}),
        ("week", {"weekDays": ["monday"]}),
        ("month", {"monthDays": [31]}),
        ("month", friday(5)),
    ],
)
def test_p12_an_old_anchor_costs_what_a_young_one_does(
    frequency: str, schedule: JsonObject
) -> None:
    now = datetime(9990, 3, 1, tzinfo=UTC)
    recurrence = rule(frequency, schedule)

    def cost(year: int) -> int:
        found = of(recurrence, datetime(year, 1, 30, 1, tzinfo=UTC))
        return calls_of(lambda: (found.next_after(now), found.last_until(now)))

    assert cost(1) == cost(9988)


@st.composite
def recurrences_and_instants(draw: st.DrawFn) -> tuple[Recurrence, datetime, datetime]:
    """A recurrence with a schedule, its anchor, and an instant about or far from that."""
    frequency = draw(st.sampled_from([one for one in Frequency if one is not Frequency.MINUTE]))
    drawn = Recurrence(
        frequency=frequency,
        interval=draw(st.integers(1, 4) | st.integers(1, MAX_INTERVAL[frequency])),
        schedule=draw(schedules(frequency).filter(bool)),
    )
    age = draw(st.timedeltas(timedelta(0), timedelta(days=365 * 300)))
    anchor = datetime(1900, 1, 1, tzinfo=UTC) + age
    near = st.timedeltas(timedelta(days=-1), timedelta(days=400))
    far = st.timedeltas(timedelta(0), timedelta(days=365 * 300))
    return drawn, anchor, anchor + draw(near | far)


@given(recurrences_and_instants())
def test_the_last_and_the_next_are_neighbours(drawn: tuple[Recurrence, datetime, datetime]) -> None:
    recurrence, anchor, instant = drawn
    found = of(recurrence, anchor)

    last, following = found.last_until(instant), found.next_after(instant)

    if last is not None:
        assert anchor <= last <= instant
        assert found.next_after(last) == following
        assert found.next_after(last - TICK) == last
        assert found.last_until(last) == last
    if following is not None:
        assert following > instant
        assert following >= anchor
        assert found.last_until(following) == following
        assert found.last_until(following - TICK) == last


@given(recurrences_and_instants())
def test_occurrences_strictly_increase_and_are_what_the_schedule_names(
    drawn: tuple[Recurrence, datetime, datetime],
) -> None:
    recurrence, anchor, instant = drawn
    found, schedule = of(recurrence, anchor), recurrence.schedule
    assert schedule is not None

    previous, occurrence = instant, found.next_after(instant)
    for _ in range(30):
        if occurrence is None:
            break
        assert occurrence > previous
        assert occurrence.minute in (schedule.minutes or (anchor.minute,))
        assert (occurrence.second, occurrence.microsecond) == (anchor.second, anchor.microsecond)
        assert occurrence.hour in (schedule.hours or range(24))
        if schedule.week_days:
            assert f"{occurrence:%A}".lower() in schedule.week_days
        previous, occurrence = occurrence, found.next_after(occurrence)


RULES: dict[Frequency, Literal[1, 2, 3, 4]] = {
    Frequency.HOUR: rrule.HOURLY,
    Frequency.DAY: rrule.DAILY,
    Frequency.WEEK: rrule.WEEKLY,
    Frequency.MONTH: rrule.MONTHLY,
}
SPANS = {
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
    Frequency.MONTH: timedelta(days=31),
}


def days_of_rfc_5545(schedule: Schedule) -> list[rrule.weekday] | None:
    """A rule of RFC 5545 with both kinds of days wants both at once; each of a month is five places there."""
    if schedule.week_days:
        return [WEEK_DAYS[day] for day in schedule.week_days]
    return [
        WEEK_DAYS[one.day](place)
        for one in schedule.monthly_occurrences or ()
        for place in ([one.occurrence] if one.occurrence else range(1, 6))
    ] or None


WEEK_DAYS = dict(
    zip(
        WeekDay, (rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA), strict=True
    )
)


@settings(deadline=None)
@given(recurrences_and_instants(), st.floats(0, 8))
def test_it_agrees_with_dateutil_in_whole_seconds(
    drawn: tuple[Recurrence, datetime, datetime], periods: float
) -> None:
    recurrence, anchor, _ = drawn
    schedule = recurrence.schedule
    assert schedule is not None
    anchor = anchor.replace(microsecond=0)
    span = SPANS[recurrence.frequency] * recurrence.interval
    instant = anchor + span * periods
    found = of(recurrence.model_copy(update={"end_time": anchor + 10 * span}), anchor)
    hours = schedule.hours or (range(24) if schedule.minutes else None)
    expected = rrule.rrule(
        RULES[recurrence.frequency],
        dtstart=anchor,
        until=anchor + 10 * span,
        interval=recurrence.interval,
        wkst=rrule.SU,
        byminute=schedule.minutes,
        byhour=None if recurrence.frequency is Frequency.HOUR else hours,
        byweekday=days_of_rfc_5545(schedule),
        bymonthday=schedule.month_days,
    )

    assert found.next_after(instant) == expected.after(instant)
    assert found.last_until(instant) == expected.before(instant, inc=True)
