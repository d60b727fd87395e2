import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import ShiftedClock, SystemClock, from_microseconds, to_microseconds
from tests.clocks import START, FakeClock, settle

instants = st.datetimes(timezones=st.just(UTC))


@given(instants)
def test_microseconds_lose_nothing(instant: datetime) -> None:
    assert from_microseconds(to_microseconds(instant)) == instant


@given(instants, instants)
def test_microseconds_keep_the_order_of_instants(one: datetime, other: datetime) -> None:
    assert (one < other) == (to_microseconds(one) < to_microseconds(other))


def test_an_offset_is_the_same_instant() -> None:
    here = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    assert to_microseconds(here) == to_microseconds(datetime(2026, 3, 1, 10, tzinfo=UTC))


async def test_system_clock_never_wakes_early() -> None:
    clock = SystemClock()
    instants = [clock.now() + timedelta(milliseconds=ms) for ms in (1, 3, 7)]

    for instant in instants:
        await clock.sleep_until(instant)

        assert clock.now() >= instant


async def test_system_clock_returns_at_once_when_the_instant_has_passed() -> None:
    clock = SystemClock()

    await clock.sleep_until(clock.now() - timedelta(days=1))


async def test_sleep_waits_by_the_clock_it_is_given() -> None:
    clock = FakeClock()
    sleeper = asyncio.create_task(clock.sleep(timedelta(hours=1)))
    await settle()

    await clock.advance(timedelta(minutes=59))
    assert not sleeper.done()
    await clock.advance(timedelta(minutes=1))

    assert sleeper.done()
    assert clock.now() == START + timedelta(hours=1)


@given(instants, instants)
def test_a_shifted_clock_starts_where_it_is_set(real: datetime, wanted: datetime) -> None:
    clock = ShiftedClock(FakeClock(real), wanted - real)

    assert clock.now() == wanted


async def test_a_shifted_clock_runs_on_at_the_pace_of_the_other() -> None:
    real = FakeClock()
    clock = ShiftedClock(real, timedelta(days=-4000))
    before = clock.now()

    await real.advance(timedelta(minutes=7))

    assert clock.now() - before == timedelta(minutes=7)


async def test_sleepers_of_a_shifted_clock_wake_at_its_instants() -> None:
    real = FakeClock()
    clock = ShiftedClock(real, timedelta(days=4000))
    sleeper = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(hours=1)))
    napper = asyncio.create_task(clock.sleep(timedelta(hours=1)))
    await settle()

    await real.advance(timedelta(minutes=59))
    assert not sleeper.done()
    assert not napper.done()
    await real.advance(timedelta(minutes=1))

    assert sleeper.done()
    assert napper.done()
    assert real.now() == START + timedelta(hours=1)


async def test_sleepers_notice_when_the_clock_below_is_set_back() -> None:
    real = FakeClock()
    clock = ShiftedClock(real, timedelta(days=1))
    sleeper = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(minutes=1)))
    await settle()

    real.set(real.now() - timedelta(minutes=1))
    await real.advance(timedelta(minutes=1))

    assert not sleeper.done()
    await real.advance(timedelta(minutes=1))
    assert sleeper.done()


@pytest.mark.parametrize("offset", [timedelta(days=-4000), timedelta(days=4000)])
async def test_instants_that_the_clock_below_does_not_have_can_be_slept_for(
    offset: timedelta,
) -> None:
    clock = ShiftedClock(FakeClock(), offset)
    first = asyncio.create_task(clock.sleep_until(datetime.max.replace(tzinfo=UTC)))

    await clock.sleep_until(datetime.min.replace(tzinfo=UTC))
    await settle()

    assert not first.done()
    first.cancel()
