"""Occurrences: contract/MODEL.md §5.1, what the retired service answered, and the laws of a grid."""

import json
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from pathlib import Path
from typing import Literal

import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.recurrence import Grid, first_occurrence
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from shared.wire.recurrence import MAX_INTERVAL, Frequency, Recurrence
from shared.wire.times import parse_instant
from tests.shared.scheduler.costs import calls_of

NOW = datetime(2015, 4, 8, 13, 0, tzinfo=UTC)
PAST = datetime(2015, 4, 7, 14, 0, tzinfo=UTC)
FUTURE = datetime(2015, 4, 9, 1, 2, 3, 456789, tzinfo=UTC)
DELAY = timedelta(seconds=20)
TICK = timedelta(microseconds=1)
EVERY_TWO_DAYS = Recurrence(frequency=Frequency.DAY, interval=2)
ORACLE = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "recurrence-oracle.jsonl")
    .read_text()
    .splitlines()
]


def first(
    start_time: datetime | None, recurrence: Recurrence | None = None, now: datetime = NOW
) -> datetime | None:
    return first_occurrence(
        start_time=start_time, recurrence=recurrence, now=now, run_now_delay=DELAY
    )


def grid(anchor: str, frequency: str, interval: int = 1, end_time: str | None = None) -> Grid:
    return Grid(
        anchor=parse_instant(anchor),
        frequency=Frequency(frequency),
        interval=interval,
        end_time=parse_instant(end_time) if end_time else None,
    )


def occurrences(of: Grid, after: datetime) -> Iterator[datetime]:
    occurrence = of.next_after(after)
    while occurrence is not None:
        yield occurrence
        occurrence = of.next_after(occurrence)


@pytest.mark.parametrize(
    ("start_time", "recurrence", "expected"),
    [
        (None, None, NOW + DELAY),
        (None, EVERY_TWO_DAYS, NOW + DELAY),
        (PAST, None, NOW + DELAY),
        (PAST, EVERY_TWO_DAYS, PAST + timedelta(days=2)),
        (NOW - timedelta(days=2), EVERY_TWO_DAYS, NOW + timedelta(days=2)),
        (NOW - timedelta(days=2) + TICK, EVERY_TWO_DAYS, NOW + TICK),
        (NOW, None, NOW),
        (NOW, EVERY_TWO_DAYS, NOW),
        (FUTURE, None, FUTURE),
        (FUTURE, EVERY_TWO_DAYS, FUTURE),
    ],
)
def test_a_job_starts_by_the_documented_table(
    start_time: datetime | None, recurrence: Recurrence | None, expected: datetime
) -> None:
    assert first(start_time, recurrence) == expected


@pytest.mark.parametrize(
    ("start_time", "expected"),
    [(None, NOW + DELAY), (PAST, PAST + timedelta(days=2)), (FUTURE, FUTURE)],
)
def test_a_job_whose_end_comes_before_its_first_occurrence_has_none(
    start_time: datetime | None, expected: datetime
) -> None:
    def ending(end_time: datetime) -> Recurrence:
        return Recurrence(frequency=Frequency.DAY, interval=2, end_time=end_time)

    assert first(start_time, ending(expected)) == expected
    assert first(start_time, ending(expected - TICK)) is None


def test_the_documented_example() -> None:
    every_two_days = grid("2015-04-07T14:00Z", "day", 2)

    expected = [datetime(2015, 4, day, 14, tzinfo=UTC) for day in (9, 11, 13)]
    following = occurrences(every_two_days, NOW)
    assert [next(following) for _ in expected] == expected


def test_the_recorded_example() -> None:
    half_hourly = Recurrence(frequency=Frequency.MINUTE, interval=30)
    start_time = parse_instant("2015-07-01T00:00:32.104381Z")
    now = parse_instant("2015-07-01T00:00:34Z")

    assert first(start_time, half_hourly, now) == parse_instant("2015-07-01T00:30:32.104381Z")


@pytest.mark.parametrize("row", ORACLE, ids=lambda row: f"{Path(row['file']).stem}-{row['entry']}")
def test_the_retired_service_computed_the_same(row: JsonObject) -> None:
    if row["state"] == "disabled":
        assert row["nextExecutionTime"] is None
        return
    now = datetime.strptime(f"{row['responseDate']}+0000", "%a, %d %b %Y %H:%M:%S GMT%z")
    start_time = parse_instant(str(row["startTime"])) if row["startTime"] else None
    recurrence = read(Recurrence, row["recurrence"]) if row["recurrence"] else None

    computed = first(start_time, recurrence, now)

    assert computed is not None
    difference = parse_instant(str(row["nextExecutionTime"])) - computed
    runs_now = computed == now + DELAY
    # The date of a response is whole seconds, and the service looked at its clock within them.
    assert timedelta(0) <= difference <= timedelta(seconds=2 if runs_now else 0)


def test_the_recordings_hold_grids_schedules_and_immediate_runs() -> None:
    enabled = [row for row in ORACLE if row["state"] == "enabled"]

    assert len(ORACLE) == 49
    assert sum(row["recurrence"] is not None for row in enabled) == 25
    assert sum("schedule" in (row["recurrence"] or {}) for row in enabled) == 8
    assert sum(row["startTime"] is None for row in enabled) == 6


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        ("2025-01-31T06:07:08.9Z", 1, ["01-31", "03-31", "05-31", "07-31", "08-31", "10-31"]),
        ("2024-01-30T06:07:08.9Z", 1, ["01-30", "03-30", "04-30"]),
        ("2024-01-29T06:07:08.9Z", 1, ["01-29", "02-29", "03-29"]),
        ("2025-01-29T06:07:08.9Z", 1, ["01-29", "03-29", "04-29"]),
        ("2025-11-15T06:07:08.9Z", 2, ["11-15", "01-15", "03-15"]),
        ("2025-08-31T06:07:08.9Z", 6, ["08-31", "08-31", "08-31"]),
    ],
)
def test_months_without_the_day_are_skipped(
    anchor: str, interval: int, expected: list[str]
) -> None:
    monthly = grid(anchor, "month", interval)

    following = occurrences(monthly, monthly.anchor - TICK)
    found = [next(following) for _ in expected]

    assert [f"{one:%m-%d}" for one in found] == expected
    assert {one.time() for one in found} == {monthly.anchor.time()}


def test_a_leap_day_every_year_waits_over_a_century_without_one() -> None:
    yearly = grid("1896-02-29T00:00Z", "month", 12)

    assert yearly.next_after(parse_instant("1896-02-29T00:00Z")) == parse_instant(
        "1904-02-29T00:00Z"
    )
    assert yearly.last_until(parse_instant("1904-02-28T23:59Z")) == yearly.anchor


@pytest.mark.parametrize("frequency", Frequency)
def test_nothing_comes_after_the_last_year(frequency: Frequency) -> None:
    for interval in (1, MAX_INTERVAL[frequency]):
        last = Grid(
            anchor=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            frequency=frequency,
            interval=interval,
        )
        ancient = Grid(anchor=datetime(1, 1, 1, tzinfo=UTC), frequency=frequency, interval=interval)

        assert last.next_after(last.anchor) is None
        assert last.next_after(last.anchor - TICK) == last.anchor
        assert ancient.next_after(last.anchor) is None
        found = ancient.last_until(last.anchor)
        assert found is not None
        assert ancient.next_after(found) is None


def test_a_job_that_cannot_run_within_the_years_there_are_has_no_occurrence() -> None:
    last_second = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert first(None, now=last_second) is None


ANCHORS = st.timedeltas(timedelta(0), timedelta(days=300 * 365)).map(
    lambda age: datetime(1900, 1, 1, tzinfo=UTC) + age
)
APPROXIMATE = {
    Frequency.MINUTE: timedelta(minutes=1),
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
    Frequency.MONTH: timedelta(days=31),
}


def walk(of: Grid) -> Iterator[datetime]:
    """Yield the occurrences one by one, as slow as it is plain."""
    for k in count():
        occurrence = kth(of, k)
        if occurrence is None:
            continue
        if of.end_time is not None and occurrence > of.end_time:
            return
        yield occurrence


def kth(of: Grid, k: int) -> datetime | None:
    if of.frequency is not Frequency.MONTH:
        return of.anchor + APPROXIMATE[of.frequency] * of.interval * k
    year, month = divmod(of.anchor.month - 1 + k * of.interval, 12)
    year += of.anchor.year
    if of.anchor.day > monthrange(year, month + 1)[1]:
        return None
    return of.anchor.replace(year=year, month=month + 1)


@st.composite
def grids_and_instants(draw: st.DrawFn) -> tuple[Grid, datetime]:
    """A grid, and an instant on or about its first forty occurrences or before it."""
    frequency = draw(st.sampled_from(Frequency))
    interval = draw(st.integers(1, MAX_INTERVAL[frequency]))
    anchor = draw(ANCHORS)
    span = APPROXIMATE[frequency] * interval * 40
    near = st.timedeltas(-span / 40, span).map(lambda distance: anchor + distance)
    end_time = draw(st.none() | near)
    of = Grid(anchor=anchor, frequency=frequency, interval=interval, end_time=end_time)
    exactly = st.sampled_from([instant for k in range(20) if (instant := kth(of, k)) is not None])
    return of, draw(near | exactly | exactly.map(lambda instant: instant - TICK))


@given(grids_and_instants())
def test_p12_it_agrees_with_a_walker_from_the_anchor(drawn: tuple[Grid, datetime]) -> None:
    of, instant = drawn

    until_instant = list(takewhile(lambda occurrence: occurrence <= instant, walk(of)))

    following = (occurrence for occurrence in walk(of) if occurrence > instant)
    assert of.last_until(instant) == (until_instant[-1] if until_instant else None)
    assert of.next_after(instant) == next(following, None)


@given(grids_and_instants())
def test_occurrences_strictly_increase_from_after(drawn: tuple[Grid, datetime]) -> None:
    of, after = drawn

    previous = after
    for occurrence, _ in zip(occurrences(of, after), range(20), strict=False):
        assert occurrence > previous
        assert of.end_time is None or occurrence <= of.end_time
        previous = occurrence


@given(grids_and_instants())
def test_the_last_and_the_next_are_neighbours(drawn: tuple[Grid, datetime]) -> None:
    of, instant = drawn

    last, following = of.last_until(instant), of.next_after(instant)

    if last is not None:
        assert last <= instant
        assert of.next_after(last) == following
        assert of.next_after(last - TICK) == last
    if following is not None:
        assert following > instant
        assert of.last_until(following) == following
        assert of.last_until(following - TICK) == last


RULES: dict[Frequency, Literal[1, 2, 3, 4, 5]] = {
    Frequency.MINUTE: rrule.MINUTELY,
    Frequency.HOUR: rrule.HOURLY,
    Frequency.DAY: rrule.DAILY,
    Frequency.WEEK: rrule.WEEKLY,
    Frequency.MONTH: rrule.MONTHLY,
}


@given(grids_and_instants())
def test_it_agrees_with_dateutil_in_whole_seconds(drawn: tuple[Grid, datetime]) -> None:
    of, instant = drawn
    # A rule of RFC 5545 knows no fractions of a second.
    whole = Grid(
        anchor=of.anchor.replace(microsecond=0),
        frequency=of.frequency,
        interval=of.interval,
        end_time=of.end_time,
    )
    rule = rrule.rrule(
        RULES[of.frequency], dtstart=whole.anchor, interval=of.interval, until=of.end_time
    )

    assert whole.next_after(instant) == rule.after(instant)
    assert whole.last_until(instant) == rule.before(instant, inc=True)


@given(
    start_time=st.none() | ANCHORS,
    recurrence=st.none()
    | st.builds(Recurrence, frequency=st.sampled_from(Frequency), end_time=st.none() | ANCHORS),
    now=ANCHORS,
)
def test_p5_no_job_starts_before_now_or_before_its_start(
    start_time: datetime | None, recurrence: Recurrence | None, now: datetime
) -> None:
    occurrence = first(start_time, recurrence, now)

    if occurrence is not None:
        assert occurrence >= now
        assert start_time is None or occurrence >= start_time
        assert recurrence is None or occurrence <= (recurrence.end_time or occurrence)


@pytest.mark.parametrize("frequency", Frequency)
@pytest.mark.parametrize("day", [28, 29, 31])
def test_p12_an_old_anchor_costs_what_a_young_one_does(frequency: Frequency, day: int) -> None:
    now = datetime(9990, 3, 1, tzinfo=UTC)

    def cost(year: int) -> int:
        of = Grid(anchor=datetime(year, 1, day, 1, tzinfo=UTC), frequency=frequency, interval=1)
        return calls_of(lambda: (of.next_after(now), of.last_until(now)))

    assert cost(1) == cost(9988)


def test_p12_a_leap_day_is_found_within_eight_years() -> None:
    yearly = grid("0004-02-29T00:00Z", "month", 12)

    assert calls_of(lambda: yearly.next_after(datetime(9896, 3, 1, tzinfo=UTC))) < 50
