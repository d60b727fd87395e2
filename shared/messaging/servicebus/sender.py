"""One connection that sends to an entity, for everybody in this process."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageSizeExceededError

from shared.clock import EPOCH
from shared.messaging.message import Message
from shared.messaging.servicebus.encoding import outgoing
from shared.messaging.servicebus.errors import translated
from shared.messaging.servicebus.turns import Turns

Value = TypeVar("Value")


class EntitySender:
    """Sends messages in batches, each of which the broker takes or refuses as a whole."""

    def __init__(self, client: ServiceBusClient, entity: str) -> None:
        # The SDK makes no difference between queues and topics here. Its keep-alive would delay sends and the end.
        self._sdk = client.get_queue_sender(entity, keep_alive=None)
        self._entity = entity
        self._turns = Turns()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send in as few batches as hold them, in order; a message that fits into none keeps all from being sent."""
        sent = [outgoing(message) for message in messages]
        if len(sent) == 1:
            await self._call(lambda: self._sdk.send_messages(sent[0]))
        elif sent:
            await self._call(lambda: self._send_batches(sent))

    async def schedule(self, messages: Sequence[Message]) -> list[int]:
        """Schedule; those that follow each other and are due at the same time go together."""
        numbers: list[int] = []
        for due, together in groupby(messages, key=lambda each: each.scheduled_enqueue_time):
            numbers += await self._schedule([outgoing(each) for each in together], due or EPOCH)
        return numbers

    async def cancel_scheduled(self, sequence_numbers: Sequence[int]) -> None:
        """Cancel scheduled messages, all or none."""
        numbers = list(sequence_numbers)
        await self._call(lambda: self._sdk.cancel_scheduled_messages(numbers))

    async def close(self) -> None:
        """Close the connection when what was begun has ended."""
        await self._call(self._sdk.close)

    async def _schedule(self, messages: list[ServiceBusMessage], due: datetime) -> list[int]:
        return await self._call(lambda: self._sdk.schedule_messages(messages, due))

    async def _send_batches(self, messages: Sequence[ServiceBusMessage]) -> None:
        batches = [await self._sdk.create_message_batch()]
        for message in messages:
            try:
                batches[-1].add_message(message)
            except MessageSizeExceededError:
                if not len(batches[-1]):
                    raise
                batches.append(await self._sdk.create_message_batch())
                batches[-1].add_message(message)
        for batch in batches:
            await self._sdk.send_messages(batch)

    async def _call(self, call: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        with translated(f"queue or topic {self._entity!r} to send to"):
            return await self._turns.take(call)
