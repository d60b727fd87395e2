from datetime import timedelta

import pytest

from shared.sql.commit_pace import APART, LONGEST, QUICK, STALL, WEIGHT, CommitPace
from tests.clocks import FakeClock

SLOW = timedelta(milliseconds=10)


async def commit(pace: CommitPace, clock: FakeClock, took: timedelta) -> None:
    with pace.measured():
        await clock.advance(took)


async def test_quick_disk_never_gets_a_thread() -> None:
    clock = FakeClock()
    pace = CommitPace(clock)

    for _ in range(100):
        await commit(pace, clock, QUICK)
        assert pace.is_quick()


async def test_one_slow_commit_among_quick_ones_is_no_slow_disk() -> None:
    clock = FakeClock()
    pace = CommitPace(clock)

    for _ in range(10):
        await commit(pace, clock, SLOW)
        assert pace.is_quick()
        for _ in range(3 * WEIGHT):
            await commit(pace, clock, timedelta())


async def test_slow_disk_is_left_alone_for_a_multiple_of_what_it_took() -> None:
    clock = FakeClock()
    pace = CommitPace(clock)
    for _ in range(100):
        await commit(pace, clock, SLOW)

    assert not pace.is_quick()
    await clock.advance(SLOW * APART - timedelta(milliseconds=1))
    assert not pace.is_quick()
    await clock.advance(timedelta(milliseconds=1))
    assert pace.is_quick()


async def test_one_commit_that_stalls_the_loop_keeps_it_from_the_disk_at_once() -> None:
    clock = FakeClock()
    pace = CommitPace(clock)
    stall = STALL + timedelta(milliseconds=1)

    await commit(pace, clock, stall)

    await clock.advance(stall * APART - timedelta(milliseconds=1))
    assert not pace.is_quick()
    await clock.advance(timedelta(milliseconds=1))
    assert pace.is_quick()


async def test_disk_that_became_quick_is_believed_after_some_commits() -> None:
    clock = FakeClock()
    pace = CommitPace(clock)
    for _ in range(100):
        await commit(pace, clock, SLOW)

    for _ in range(2 * WEIGHT):
        await clock.advance(SLOW * APART)
        await commit(pace, clock, timedelta())

    assert pace.is_quick()
    await commit(pace, clock, timedelta())
    assert pace.is_quick()


async def test_commit_that_fails_is_measured_too() -> None:
    clock = FakeClock()
    pace = CommitPace(clock)

    async def fail() -> None:
        with pace.measured():
            await clock.advance(QUICK * 2 * WEIGHT)
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await fail()

    assert not pace.is_quick()


@pytest.mark.parametrize("hours", [-1, 1])
async def test_clock_that_is_set_meanwhile_keeps_the_loop_from_the_disk_for_minutes_at_most(
    hours: int,
) -> None:
    clock = FakeClock()
    pace = CommitPace(clock)
    with pace.measured():
        clock.set(clock.now() + timedelta(hours=hours))

    await clock.advance(LONGEST * APART)

    assert pace.is_quick()
