"""What every queue of SQS that is taken from does."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from shared.aws.source_queue import QueuedMessage, SourceQueue

MOST_DELIVERIES = 3


class Filled(Protocol):
    """A queue with what stands on its other side; after three deliveries a message goes to its dead-letter queue."""

    @property
    def queue(self) -> SourceQueue: ...

    def send(self, body: str, **options: str) -> None:
        """Put a message in; options: `group` and `deduplication_id` of FIFO queues."""

    def send_with(self, body: str, attributes: Mapping[str, str]) -> None: ...

    def let_time_pass(self) -> None:
        """End the visibility timeout of every message that was received."""

    def dead_letters(self) -> list[str]:
        """Return the bodies of what was delivered too often."""


class SourceQueueContract(ABC):
    """Subclass and say how a queue is opened."""

    @abstractmethod
    def open(self, *, is_fifo: bool) -> AbstractAsyncContextManager[Filled]: ...

    @pytest.fixture
    async def filled(self) -> AsyncIterator[Filled]:
        async with self.open(is_fifo=False) as filled:
            yield filled

    @pytest.fixture
    async def ordered(self) -> AsyncIterator[Filled]:
        async with self.open(is_fifo=True) as filled:
            yield filled

    async def test_an_empty_queue_gives_nothing(self, filled: Filled) -> None:
        assert await filled.queue.receive() == []

    async def test_messages_come_up_to_ten_at_a_time(self, filled: Filled) -> None:
        for count in range(12):
            filled.send(str(count))

        batches = [await filled.queue.receive(), await filled.queue.receive()]

        assert [len(batch) for batch in batches] == [10, 2]
        assert sorted(int(each.body) for batch in batches for each in batch) == list(range(12))
        assert len({each.id for batch in batches for each in batch}) == 12

    async def test_what_is_not_deleted_comes_back_and_what_is_deleted_does_not(
        self, filled: Filled
    ) -> None:
        filled.send("a")
        filled.send("b")
        first = {message.body: message for message in await filled.queue.receive()}

        await filled.queue.delete([first["a"]])
        assert await filled.queue.receive() == []
        filled.let_time_pass()

        (again,) = await filled.queue.receive()
        assert (again.body, again.id) == ("b", first["b"].id)

    async def test_what_comes_too_often_goes_to_the_dead_letter_queue(self, filled: Filled) -> None:
        filled.send("poison")

        for _ in range(MOST_DELIVERIES):
            assert [message.body for message in await filled.queue.receive()] == ["poison"]
            filled.let_time_pass()

        assert await filled.queue.receive() == []
        assert filled.dead_letters() == ["poison"]

    async def test_attributes_that_were_asked_for_come_along(self, filled: Filled) -> None:
        filled.send_with("a", {"Idempotency-Key": "k1", "correlationId": "c\u00e9"})

        (message,) = await filled.queue.receive()

        assert message.attributes == {"Idempotency-Key": "k1", "correlationId": "c\u00e9"}
        assert (message.group, message.deduplication_id) == (None, None)

    async def test_a_group_keeps_its_order_and_waits_for_what_is_not_settled(
        self, ordered: Filled
    ) -> None:
        for group, body in (("g", "g1"), ("h", "h1"), ("g", "g2")):
            ordered.send(body, group=group, deduplication_id=f"d-{body}")

        received = await take_all(ordered)

        bodies = [message.body for message in received]
        assert sorted(bodies) == ["g1", "g2", "h1"]
        assert bodies.index("g1") < bodies.index("g2")
        told = {message.body: (message.group, message.deduplication_id) for message in received}
        assert told["g2"] == ("g", "d-g2")


async def take_all(filled: Filled) -> list[QueuedMessage]:
    """Receive and delete until there is nothing."""
    found: list[QueuedMessage] = []
    while messages := await filled.queue.receive():
        found += messages
        await filled.queue.delete(messages)
    return found
