import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.host.concurrency import (
    ALONE,
    COUNTED_TICKS,
    FEWEST,
    FIRST,
    SERVING,
    TICK,
    Concurrency,
    Lag,
    adapted,
)
from tests.clocks import FakeClock, settle

MOST = 256

lags = st.integers(0, 200).map(lambda milliseconds: timedelta(milliseconds=milliseconds))


BEARABLE = Lag(timedelta(milliseconds=4), timedelta(milliseconds=12))


@pytest.mark.parametrize(
    ("limit", "lag", "expected"),
    [(16, 0, 18), (1, 0, 2), (250, 4, 256), (16, 5, 16), (16, 11, 16), (16, 12, 8), (3, 99, 2)],
)
def test_a_small_lag_raises_the_limit_and_a_large_one_halves_it(
    limit: int, lag: int, expected: int
) -> None:
    now = timedelta(milliseconds=lag)

    assert adapted(limit, lag=now, bearable=BEARABLE, most=MOST) == expected


@given(st.lists(lags), st.sampled_from([SERVING, ALONE]))
def test_the_limit_stays_between_the_fewest_and_the_most(
    lags: list[timedelta], bearable: Lag
) -> None:
    limit = FIRST

    for lag in lags:
        limit = adapted(limit, lag=lag, bearable=bearable, most=MOST)

        assert FEWEST <= limit <= MOST


def concurrency_of(clock: FakeClock, *, is_serving: bool = False) -> Concurrency:
    return Concurrency(clock, is_serving=lambda: is_serving)


async def test_calls_that_run_take_slots_and_give_them_back() -> None:
    slots = concurrency_of(FakeClock()).slots(most=2)

    first = slots.take()
    slots.take()

    assert slots.free == 0
    slots.give_back(first)
    assert slots.free == 1


async def test_each_trigger_has_slots_of_its_own() -> None:
    concurrency = concurrency_of(FakeClock())
    one, other = concurrency.slots(most=1), concurrency.slots(most=1)

    one.take()

    assert (one.free, other.free) == (0, 1)


async def test_an_idle_host_measures_nothing_and_a_busy_one_raises_the_limit() -> None:
    clock = FakeClock()
    concurrency = concurrency_of(clock)
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
    concurrency = concurrency_of(clock)
    slots = concurrency.slots(most=MOST)
    measuring = asyncio.create_task(concurrency.run())
    for _ in range(concurrency.limit):
        slots.take()
    waiting = asyncio.create_task(slots.until_free())
    await settle()
    assert slots.free == 0

    await clock.advance(TICK * (COUNTED_TICKS + 1))

    assert waiting.done()
    assert slots.free > 0
    measuring.cancel()


async def test_calls_that_wait_stop_counting_also_when_the_clock_is_set_back() -> None:
    clock = FakeClock()
    concurrency = concurrency_of(clock)
    slots = concurrency.slots(most=MOST)
    measuring = asyncio.create_task(concurrency.run())
    for _ in range(concurrency.limit):
        slots.take()
    await settle()

    clock.set(clock.now() - timedelta(hours=1))
    await clock.advance(TICK * (COUNTED_TICKS + 1))

    assert slots.free > 0
    measuring.cancel()


async def test_no_more_calls_run_than_the_most_however_long_they_wait() -> None:
    clock = FakeClock()
    concurrency = concurrency_of(clock)
    slots = concurrency.slots(most=3)
    measuring = asyncio.create_task(concurrency.run())
    for _ in range(3):
        slots.take()
    await settle()

    await clock.advance(TICK * COUNTED_TICKS * 2)

    assert slots.free == 0
    measuring.cancel()


@pytest.mark.parametrize(("is_serving", "expected"), [(True, FIRST // 2), (False, FIRST)])
async def test_a_lag_that_messages_bear_is_too_much_for_http_callers(
    is_serving: bool, expected: int
) -> None:
    clock = FakeClock()
    concurrency = concurrency_of(clock, is_serving=is_serving)
    slots = concurrency.slots(most=MOST)
    measuring = asyncio.create_task(concurrency.run())
    slots.take()
    await settle()

    clock.set(clock.now() + timedelta(milliseconds=10))
    await clock.advance(TICK)

    assert concurrency.limit == expected
    measuring.cancel()


async def test_a_host_that_was_idle_begins_small_again() -> None:
    clock = FakeClock()
    concurrency = concurrency_of(clock)
    slots = concurrency.slots(most=MOST)
    measuring = asyncio.create_task(concurrency.run())
    slot = slots.take()
    await settle()
    await clock.advance(TICK * 20)
    assert concurrency.limit > FIRST * 2

    slots.give_back(slot)
    await clock.advance(TICK)

    assert concurrency.limit == FIRST
    measuring.cancel()
