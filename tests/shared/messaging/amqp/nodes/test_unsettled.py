"""What is never settled takes no room for ever: it is forgotten when its lock has ended, and not before."""

from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import NO_TIME
from shared.messaging.amqp.nodes.unsettled import AFTER_LOCK, Unsettled
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.envelope import Delivery
from shared.messaging.entities import NamespaceDescription, QueueDescription
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.memory_links import encoded, opened_core, put

LOCK = timedelta(seconds=30)
NAMESPACE = NamespaceDescription(
    name="n", queues=(QueueDescription(name="a", lock_duration=LOCK, max_delivery_count=100),)
)


class Waiting:
    """Deliveries that nobody settles, and what was forgotten of them."""

    def __init__(self, core: BrokerCore, clock: FakeClock) -> None:
        self.forgotten: list[bytes] = []
        self.unsettled = Unsettled(clock, lambda all_: core.still_locked("a", all_), self._forget)
        self._core = core

    async def deliver(self) -> Delivery:
        [delivery] = await self._core.lock("a", max_messages=1, max_wait=NO_TIME)
        self.unsettled.add(delivery)
        return delivery

    def _forget(self, tags: Collection[bytes]) -> None:
        self.forgotten += tags


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def core(tmp_path: Path, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    async with opened_core(tmp_path, clock, NAMESPACE) as core:
        yield core


@pytest.fixture
async def waiting(core: BrokerCore, clock: FakeClock) -> AsyncIterator[Waiting]:
    await put(core, "a", clock, encoded())
    waiting = Waiting(core, clock)
    yield waiting
    await waiting.unsettled.close()


async def test_a_delivery_is_forgotten_some_time_after_its_lock_has_ended(
    clock: FakeClock, waiting: Waiting
) -> None:
    lost = await waiting.deliver()
    await clock.advance(LOCK)
    again = await waiting.deliver()

    await clock.advance(AFTER_LOCK - timedelta(seconds=1))
    before = list(waiting.forgotten)
    await clock.advance(timedelta(seconds=1))
    after = list(waiting.forgotten)
    await clock.advance(LOCK)

    assert (before, after) == ([], [lost.lock_token.bytes_le])
    assert waiting.forgotten == [lost.lock_token.bytes_le, again.lock_token.bytes_le]


async def test_a_lock_that_is_renewed_is_waited_for(
    core: BrokerCore, clock: FakeClock, waiting: Waiting
) -> None:
    held = await waiting.deliver()
    for _ in range(20):
        await clock.advance(LOCK / 2)
        await core.renew("a", held.lock_token)
    before = list(waiting.forgotten)

    await clock.advance(LOCK + AFTER_LOCK)

    assert (before, waiting.forgotten) == ([], [held.lock_token.bytes_le])


async def test_what_is_settled_is_not_looked_for(clock: FakeClock, waiting: Waiting) -> None:
    settled = await waiting.deliver()

    waiting.unsettled.discard(settled.lock_token)
    await clock.advance(LOCK + AFTER_LOCK)

    assert waiting.forgotten == []
