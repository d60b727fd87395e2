import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from shared.messaging.embedded.timer import DueTimer
from tests.clocks import START, FakeClock, settle

SECOND = timedelta(seconds=1)


class Calls:
    """Notes when it was called, and returns the answers it was given, then None."""

    def __init__(self, clock: FakeClock) -> None:
        self.at: list[float] = []
        self.answers: list[datetime | Exception] = []
        self._clock = clock

    async def __call__(self) -> datetime | None:
        self.at.append((self._clock.now() - START).total_seconds())
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def calls(clock: FakeClock) -> Calls:
    return Calls(clock)


@pytest.fixture
async def timer(clock: FakeClock, calls: Calls) -> AsyncIterator[DueTimer]:
    timer = DueTimer(clock, calls)
    yield timer
    await timer.close()


async def test_earliest_instant_counts(clock: FakeClock, calls: Calls, timer: DueTimer) -> None:
    for seconds in (5, 3, 4):
        timer.arm(START + seconds * SECOND)
        await settle()

    await clock.advance(10 * SECOND)

    assert calls.at == [3]


async def test_action_says_when_the_next_one_is(
    clock: FakeClock, calls: Calls, timer: DueTimer
) -> None:
    calls.answers = [START + 2 * SECOND, START + 7 * SECOND]

    timer.arm(START + SECOND)
    await settle()
    await clock.advance(10 * SECOND)

    assert calls.at == [1, 2, 7]


async def test_failing_action_is_tried_again(
    clock: FakeClock, calls: Calls, timer: DueTimer, caplog: pytest.LogCaptureFixture
) -> None:
    calls.answers = [OSError("full")]

    with caplog.at_level(logging.ERROR):
        timer.arm(START + SECOND)
        await settle()
        await clock.advance(10 * SECOND)

    assert calls.at == [1, 2]
    assert [record.getMessage() for record in caplog.records] == ["due messages are late"]


async def test_closed_timer_does_nothing_more(
    clock: FakeClock, calls: Calls, timer: DueTimer
) -> None:
    timer.arm(START + SECOND)
    await settle()

    await timer.close()
    timer.arm(START + SECOND)
    await settle()
    await clock.advance(10 * SECOND)

    assert calls.at == []
