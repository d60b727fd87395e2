"""When a job runs next: what a definition says, and the laws of claims, starts and skips."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.recurrence import Occurrences
from shared.scheduler.timing import Claim, Timing, after_skip, after_start, claim, timing_of
from shared.wire.job import Job
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read
from shared.wire.recurrence import Frequency, Schedule, WeekDay
from tests.clocks import START

NOW = START
DELAY = timedelta(seconds=20)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
MINUTELY = Timing(
    generation=1, frequency=Frequency.MINUTE, anchor=START, next_occurrence=START, claimed=4
)
DRIFTING = replace(MINUTELY, anchor=None, drifts=True)


def at(minutes: float) -> datetime:
    return START + minutes * MINUTE


def defined(**members: Json) -> Timing:
    action: Json = {"type": "http", "request": {"uri": "http://target.example/", "method": "GET"}}
    return timing_of(read(Job, {"action": action, **members}), now=NOW, run_now_delay=DELAY)


@pytest.mark.parametrize(
    ("start_time", "expected"),
    [
        (None, Timing(next_occurrence=NOW + DELAY)),
        (NOW - MINUTE, Timing(anchor=NOW - MINUTE, next_occurrence=NOW + DELAY)),
        (NOW + MINUTE, Timing(anchor=NOW + MINUTE, next_occurrence=NOW + MINUTE)),
    ],
)
def test_a_job_without_recurrence_has_one_occurrence(
    start_time: datetime | None, expected: Timing
) -> None:
    members: dict[str, Json] = {"startTime": start_time.isoformat()} if start_time else {}

    timing = defined(**members)

    assert timing == expected
    assert timing.occurrences(START) is None
    assert claim(timing, now=NOW + DELAY).next_occurrence is None


def test_a_job_with_a_start_time_keeps_to_its_grid() -> None:
    timing = defined(
        startTime="2025-12-31T12:00:30.000007Z",
        recurrence={
            "frequency": "hour",
            "interval": 5,
            "count": 7,
            "endTime": "2026-02-01T00:00:00Z",
        },
    )

    assert timing == Timing(
        frequency=Frequency.HOUR,
        interval=5,
        anchor=datetime(2025, 12, 31, 12, 0, 30, 7, tzinfo=UTC),
        count=7,
        end_time=datetime(2026, 2, 1, tzinfo=UTC),
        next_occurrence=datetime(2026, 1, 1, 13, 0, 30, 7, tzinfo=UTC),
    )


def test_a_job_without_a_start_time_drifts() -> None:
    timing = defined(recurrence={"frequency": "day"})

    assert timing == Timing(frequency=Frequency.DAY, drifts=True, next_occurrence=NOW + DELAY)


def test_a_job_with_a_start_time_keeps_to_its_schedule() -> None:
    members: JsonObject = {"frequency": "day", "schedule": {"hours": [5], "minutes": [30]}}

    timing = defined(startTime="2025-12-31T12:00:07Z", recurrence=members)

    assert timing.schedule == Schedule(hours=(5,), minutes=(30,))
    assert (timing.anchor, timing.drifts) == (START - timedelta(days=1) + 7 * SECOND, False)
    assert timing.next_occurrence == datetime(2026, 1, 2, 5, 30, 7, tzinfo=UTC)


def test_without_a_start_time_a_schedule_begins_with_the_minute_of_the_first_execution() -> None:
    daily = defined(recurrence={"frequency": "day", "schedule": {"hours": [5]}})
    weekly = defined(recurrence={"frequency": "week", "interval": 2, "schedule": {"hours": [5]}})

    for timing, days in ((daily, 1), (weekly, 14)):
        assert (timing.next_occurrence, timing.anchor) == (NOW + DELAY, NOW)
        assert not timing.drifts
        assert claim(timing, now=NOW + DELAY) == Claim(
            occurrence=NOW + DELAY,
            claimed=1,
            next_occurrence=datetime(2026, 1, 1, 5, 0, tzinfo=UTC) + timedelta(days=days),
        )


def test_what_was_missed_begins_with_a_first_execution_that_is_none_of_the_schedules() -> None:
    noon = defined(recurrence={"frequency": "day", "schedule": {"hours": [12], "minutes": [0]}})

    for days in (1, 2):
        found = claim(noon, now=START + timedelta(days=days, minutes=1))

        last_missed = NOW + DELAY if days == 1 else START + timedelta(days=1)
        assert found.occurrence == START + timedelta(days=days)
        assert found.missed == (NOW + DELAY, last_missed)


def test_a_job_with_a_schedule_whose_end_comes_first_has_no_occurrence() -> None:
    recurrence: JsonObject = {"frequency": "day", "schedule": {"hours": [5]}}
    end = (NOW + DELAY - TICK).isoformat()

    timing = defined(recurrence={**recurrence, "endTime": end})

    assert (timing.next_occurrence, timing.anchor) == (None, None)


def test_a_job_whose_end_has_come_has_no_occurrence() -> None:
    end = (NOW + DELAY - TICK).isoformat()

    assert defined(recurrence={"frequency": "day", "endTime": end}).next_occurrence is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(0), Claim(occurrence=at(0), claimed=5, next_occurrence=at(1))),
        # Claimed ahead of its time.
        (at(-1.5), Claim(occurrence=at(0), claimed=5, next_occurrence=at(1))),
        (at(0.9), Claim(occurrence=at(0), claimed=5, next_occurrence=at(1))),
        (
            at(1),
            Claim(occurrence=at(1), missed=(at(0), at(0)), claimed=5, next_occurrence=at(2)),
        ),
        (
            at(3.5),
            Claim(occurrence=at(3), missed=(at(0), at(2)), claimed=5, next_occurrence=at(4)),
        ),
    ],
)
def test_of_what_has_passed_the_last_is_claimed_and_the_rest_was_missed(
    now: datetime, expected: Claim
) -> None:
    assert claim(MINUTELY, now=now) == expected


def test_the_last_occurrence_before_the_end_is_claimed_long_after_it() -> None:
    ending = replace(MINUTELY, end_time=at(2.5))

    assert claim(ending, now=at(60)) == Claim(
        occurrence=at(2), missed=(at(0), at(1)), claimed=5, next_occurrence=None
    )


@pytest.mark.parametrize(("count", "following"), [(5, None), (6, at(1)), (None, at(1))])
def test_what_is_claimed_uses_the_count(count: int | None, following: datetime | None) -> None:
    found = claim(replace(MINUTELY, count=count), now=at(0))

    assert found == Claim(occurrence=at(0), claimed=5, next_occurrence=following)


def test_a_drifting_job_misses_nothing_and_has_no_next_occurrence_until_it_starts() -> None:
    assert claim(DRIFTING, now=at(60)) == Claim(occurrence=at(0), claimed=5)

    started = after_start(replace(DRIFTING, next_occurrence=None, claimed=5), started_at=at(60.1))

    assert started == replace(DRIFTING, next_occurrence=at(61.1), claimed=5)


@pytest.mark.parametrize("ended", [{"count": 5}, {"end_time": at(0.9)}])
def test_a_drifting_job_that_has_used_count_or_time_starts_nothing_more(
    ended: dict[str, int],
) -> None:
    timing = replace(DRIFTING, next_occurrence=None, claimed=5, **ended)  # type: ignore[arg-type]

    assert after_start(timing, started_at=at(0)) == timing


@pytest.mark.parametrize("following", [at(1), at(7)])
def test_a_skip_gives_back_what_it_used_of_the_count(following: datetime) -> None:
    claimed = replace(MINUTELY, count=9, next_occurrence=following)

    assert after_skip(claimed, latest=at(0), now=at(0)) == replace(claimed, claimed=3)


def test_a_job_that_had_used_its_count_goes_on_after_a_skip_behind_all_that_is_claimed() -> None:
    used = replace(MINUTELY, count=4, next_occurrence=None)

    assert after_skip(used, latest=at(2), now=at(1)) == replace(
        used, claimed=3, next_occurrence=at(3)
    )


def test_a_job_whose_end_has_come_does_not_go_on_after_a_skip() -> None:
    ended = replace(MINUTELY, next_occurrence=None, end_time=at(0.5))

    assert after_skip(ended, latest=at(0), now=at(0)) == replace(ended, claimed=3)


def test_a_drifting_job_goes_on_one_interval_after_a_skip() -> None:
    waiting = replace(DRIFTING, next_occurrence=None, count=4)

    assert after_skip(waiting, latest=at(1), now=at(1.1)) == replace(
        waiting, claimed=3, next_occurrence=at(2.1)
    )


@dataclass
class Life:
    """A job by the rules alone: what was claimed ahead starts when it is due, and runs or is skipped."""

    timing: Timing
    horizon: timedelta
    now: datetime = START
    claimed: list[datetime] = field(default_factory=list)
    missed: list[tuple[datetime, datetime]] = field(default_factory=list)
    waiting: list[datetime] = field(default_factory=list)
    ran: int = 0

    def pass_time(self, duration: timedelta, *, runs: bool) -> None:
        self.now += duration
        self.tick()
        while self.waiting and self.waiting[0] <= self.now:
            latest, _ = self.waiting[-1], self.waiting.pop(0)
            if runs:
                self.ran += 1
                if self.timing.drifts:
                    self.timing = after_start(self.timing, started_at=self.now)
            else:
                self.timing = after_skip(self.timing, latest=latest, now=self.now)
        self.tick()

    def tick(self) -> None:
        following = self.timing.next_occurrence
        while following is not None and following <= self.now + self.horizon:
            found = claim(self.timing, now=self.now)
            self.timing = replace(
                self.timing, claimed=found.claimed, next_occurrence=found.next_occurrence
            )
            self.claimed.append(found.occurrence)
            self.waiting.append(found.occurrence)
            self.missed += [] if found.missed is None else [found.missed]
            following = self.timing.next_occurrence


frequencies = st.sampled_from(list(Frequency))
UNITS = {
    Frequency.MINUTE: MINUTE,
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
    Frequency.MONTH: timedelta(days=30),
}
SCHEDULES = {
    Frequency.MINUTE: None,
    Frequency.HOUR: Schedule(minutes=(50, 10)),
    Frequency.DAY: Schedule(hours=(17, 5)),
    Frequency.WEEK: Schedule(week_days=(WeekDay.SATURDAY, WeekDay.MONDAY)),
    Frequency.MONTH: Schedule(month_days=(1, -1), minutes=(0, 30), hours=(4,)),
}
steps = st.lists(st.tuples(st.floats(0, 4), st.booleans()), min_size=1, max_size=12)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    frequency = draw(frequencies)
    unit = UNITS[frequency] * (interval := draw(st.integers(1, 3)))
    schedule = draw(st.sampled_from([None, SCHEDULES[frequency]]))
    drifts = schedule is None and draw(st.booleans())
    timing = Timing(
        frequency=frequency,
        interval=interval,
        schedule=schedule,
        drifts=drifts,
        anchor=None if drifts else START - draw(st.floats(-3, 3)) * unit,
        count=draw(st.none() | st.integers(1, 5)),
        end_time=draw(st.none() | st.floats(0, 9).map(lambda units: START + units * unit)),
    )
    first = START if timing.anchor is None else grid_of(timing).next_after(START - TICK)
    life = Life(replace(timing, next_occurrence=first), draw(st.sampled_from([0, 0.5, 1.5])) * unit)
    for units, runs in draw(steps):
        life.pass_time(units * unit, runs=runs)
    return life


def grid_of(timing: Timing) -> Occurrences:
    assert timing.anchor is not None
    grid = timing.occurrences(timing.anchor)
    assert grid is not None
    return grid


@given(life=lives())
def test_p5_no_occurrence_is_claimed_twice_and_the_count_is_never_exceeded(life: Life) -> None:
    assert all(earlier < later for earlier, later in pairwise(life.claimed))
    if life.timing.count is not None:
        assert life.ran + len(life.waiting) == life.timing.claimed <= life.timing.count
    if life.timing.end_time is not None:
        assert all(occurrence <= life.timing.end_time for occurrence in life.claimed)


@given(life=lives().filter(lambda life: not life.timing.drifts))
def test_p5_every_occurrence_of_a_grid_is_claimed_or_in_one_missed_range(life: Life) -> None:
    grid = grid_of(life.timing)
    end = life.timing.next_occurrence or max(life.claimed, default=START - TICK) + TICK

    occurrence = grid.next_after(START - TICK)
    while occurrence is not None and occurrence < end:
        ways = [occurrence in life.claimed]
        ways += [first <= occurrence <= last for first, last in life.missed]
        assert sum(ways) == 1, occurrence
        occurrence = grid.next_after(occurrence)
    for edge in (edge for range_ in life.missed for edge in range_):
        assert grid.last_until(edge) == edge


@given(life=lives())
def test_p5_a_job_goes_on_until_count_or_time_is_used(life: Life) -> None:
    timing = life.timing
    if timing.next_occurrence is None and not (timing.drifts and life.waiting):
        is_over = timing.has_used_its_count
        if timing.end_time is not None:
            latest = life.now if timing.drifts else max(life.claimed, default=START - TICK)
            grid = timing.occurrences(latest) if timing.drifts else grid_of(timing)
            assert grid is not None
            is_over |= grid.next_after(latest) is None
        assert is_over
