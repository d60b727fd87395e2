"""Peeking stops where more would be too much to read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.messaging.embedded.core import BrokerCore
from shared.messaging.entities import NamespaceDescription, QueueDescription
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.memory_links import encoded, opened_core, put

NAMESPACE = NamespaceDescription(
    name="n",
    queues=(QueueDescription(name="a"), QueueDescription(name="s", requires_session=True)),
)


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[BrokerCore]:
    clock = FakeClock()
    async with opened_core(tmp_path, clock, NAMESPACE) as core:
        for queue, session in (("a", None), ("s", "one")):
            await put(core, queue, clock, *[encoded(bytes(1000), group_id=session)] * 5)
        yield core


@pytest.mark.parametrize(("queue", "session_id"), [("a", None), ("s", "one")])
@pytest.mark.parametrize(("max_size", "count"), [(0, 1), (1500, 2), (3500, 4), (None, 5)])
async def test_p10_peeking_stops_with_the_message_that_is_too_much(
    core: BrokerCore, queue: str, session_id: str | None, max_size: int | None, count: int
) -> None:
    peeked = await core.peek(
        queue, from_sequence_number=0, max_messages=9, session_id=session_id, max_size=max_size
    )

    assert len(peeked) == count
