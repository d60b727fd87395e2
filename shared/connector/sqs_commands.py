"""SQS as a way in: what is in one queue there is accepted like the messages of `commands`.

A message is deleted after the commit of its operations, or of its rejection. One for which something raises stays: it
comes back after the queue's visibility timeout, as often as the queue's redrive policy allows. What is accepted twice
is known by its key (P4), so that a process that dies between commit and deletion doubles nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from shared.aws.source_queue import QueuedMessage, SourceQueue
from shared.clock import Clock
from shared.connector.rejection import QueueMessage
from shared.trace_context import TRACEPARENT

KEY_ATTRIBUTE = "Idempotency-Key"
CORRELATION_ATTRIBUTE = "correlationId"
ATTRIBUTES = (KEY_ATTRIBUTE, CORRELATION_ATTRIBUTE, TRACEPARENT)
LONGEST_TAKE = timedelta(seconds=25)

Accept = Callable[[QueueMessage], Awaitable[object]]


class SqsCommands:
    """Takes commands from one queue."""

    def __init__(self, queue: SourceQueue, *, accept: Accept, clock: Clock) -> None:
        """`accept` returns when the message is accepted or rejected, durably."""
        self._queue = queue
        self._accept = accept
        self._clock = clock

    async def take(self) -> int:
        """Take until the queue is empty or 25 s have passed; returns how many messages were settled.

        Raises:
            ExceptionGroup: messages stay in the queue, and nothing more was taken: whatever is wrong with us would
                use up the deliveries of the rest too.
            TransientError: the queue cannot be reached.
        """
        ends_at = self._clock.now() + LONGEST_TAKE
        count = 0
        while self._clock.now() < ends_at and (messages := await self._queue.receive()):
            count += await self._settle(messages)
        return count

    async def _settle(self, messages: Sequence[QueuedMessage]) -> int:
        groups: dict[str, list[QueuedMessage]] = defaultdict(list)
        for message in messages:
            groups[f"group {message.group}" if message.group else message.id].append(message)
        settled: list[QueuedMessage] = []
        results = await asyncio.gather(
            *(self._accept_in_order(group, settled) for group in groups.values()),
            return_exceptions=True,
        )
        if settled:
            await self._queue.delete(settled)
        errors = [result for result in results if isinstance(result, Exception)]
        if errors:
            raise ExceptionGroup("messages stay in the queue", errors)
        return len(settled)

    async def _accept_in_order(
        self, group: Sequence[QueuedMessage], settled: list[QueuedMessage]
    ) -> None:
        """Accept until something raises: what follows in a group must not get past it."""
        for message in group:
            await self._accept(as_queue_message(message, queue=self._queue.name))
            settled.append(message)


def as_queue_message(message: QueuedMessage, *, queue: str) -> QueueMessage:
    """Return a message of SQS as the door takes it; a key that the sender chose for us wins over SQS's own."""
    return QueueMessage(
        # What is no text of Unicode is no JSON either, and rejected as such.
        body=message.body.encode(errors="surrogatepass"),
        queue=queue,
        sequence_number=0,
        message_id=message.id,
        correlation_id=message.attributes.get(CORRELATION_ATTRIBUTE),
        traceparent=message.attributes.get(TRACEPARENT),
        service="sqs",
        idempotency_key=message.attributes.get(KEY_ATTRIBUTE) or message.deduplication_id,
    )
