import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.host.concurrency import COUNTED, FEWEST, FIRST, TICK, Concurrency, adapted
from tests.clocks import FakeClock, settle

MOST = 256

lags = st.integers(0, 200).map(lambda milliseconds: timedelta(milliseconds=milliseconds))


@pytest.mark.parametrize(
    ("limit", "lag", "expected"),
    [(16, 0, 18), (1, 0, 2), (250, 4, 256), (16, 5, 16), (16, 11, 16), (16, 12, 8), (3, 99, 2)],
)
def test_a_small_lag_raises_the_limit_and_a_large_one_halves_it(
    limit: int, lag: int, expected: int
) -> None:
    assert adapted(limit, lag=timedelta(milliseconds=lag), most=MOST) == expected


@given(st.lists(lags))
def test_the_limit_stays_between_the_fewest_and_the_most(lags: list[timedelta]) -> None:
    limit = FIRST

    for lag in lags:
        limit = adapted(limit, lag=lag, most=MOST)

        assert FEWEST <= limit <= MOST


async def test_calls_that_run_take_slots_and_give_them_back() -> None:
    slots = Concurrency(FakeClock()).slots(most=2)

    first = slots.take()
    slots.take()

    assert slots.free == 0
    slots.give_back(first)
    assert slots.free == 1


async def test_each_trigger_has_slots_of_its_own() -> None:
    concurrency = Concurrency(FakeClock())
    one, other = concurrency.slots(most=1), concurrency.slots(most=1)

    one.take()

    assert (one.free, other.free) == (0, 1)


async def test_an_idle_host_measures_nothing_and_a_busy_one_raises_the_limit() -> None:
    clock = FakeClock()
    concurrency = Concurrency(clock)
    slots = concurrency.slots(most=MOST)
    measuring = asyncio.create_task(concurrency.run())
    await settle()

    await clock.advance(TICK * 5)
    assert concurrency.limit == FIRST
    slots.take()
    await settle()
    await clock.advance(TICK)

    assert concurrency.limit > FIRST
    measuring.cancel()


async def test_a_call_that_waits_keeps_no_other_from_starting() -> None:
    clock = FakeClock()
    concurrency = Concurrency(clock)
    slots = concurrency.slots(most=MOST)
    measuring = asyncio.create_task(concurrency.run())
    for _ in range(concurrency.limit):
        slots.take()
    waiting = asyncio.create_task(slots.until_free())
    await settle()
    assert slots.free == 0

    await clock.advance(COUNTED + TICK)

    assert waiting.done()
    assert slots.free > 0
    measuring.cancel()


async def test_no_more_calls_run_than_the_most_however_long_they_wait() -> None:
    clock = FakeClock()
    concurrency = Concurrency(clock)
    slots = concurrency.slots(most=3)
    measuring = asyncio.create_task(concurrency.run())
    for _ in range(3):
        slots.take()
    await settle()

    await clock.advance(COUNTED * 2)

    assert slots.free == 0
    measuring.cancel()


async def test_a_lagging_loop_halves_the_limit() -> None:
    clock = FakeClock()
    concurrency = Concurrency(clock)
    slots = concurrency.slots(most=MOST)
    measuring = asyncio.create_task(concurrency.run())
    slots.take()
    await settle()

    clock.set(clock.now() + TICK + timedelta(milliseconds=50))
    await clock.advance(timedelta(0))

    assert concurrency.limit == FIRST // 2
    measuring.cancel()
