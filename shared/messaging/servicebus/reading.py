"""How the SDK's receiver is asked for messages, and stopped.

It is used without prefetch, so that the broker locks no more messages than are waited for. Asked for N messages it
returns with N, or 200 ms after the first (facts §2, 4). Hence it is asked for one while nothing is there: that ends
with the first message. When messages come at once, several times in a row, it is asked for more, and stopped after a
moment if they do not come.

Stopping loses nothing. Cancelling ends a call of the SDK between two frames; what it had received is then in the SDK's
buffer, from which a call that has no time to wait takes it. And a call that is stopped began with an empty buffer, so
it held nothing itself.
"""

import asyncio

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

Messages = list[ServiceBusReceivedMessage]

NO_TIME = 1e-9
"""Seconds. The SDK demands more than none; this is over before it could wait."""
LONGEST_CALL = 60.0
GLANCE = 0.002
"""Seconds of a read while somebody waits to settle."""
GAP = 0.01
"""Seconds. Messages that come at shorter intervals are load, and are worth waiting for together."""
LOOK = 0.1
"""Seconds in which a broker delivers what it has."""
PROMPT_READS = 3
"""Reads that ended at once, after which more is asked for."""
DOUBLINGS = 7
LARGEST_BATCH = 1 << DOUBLINGS


class Reading:
    """Reads of one receiver, one after the other."""

    def __init__(self, sdk: ServiceBusReceiver, *, largest_batch: int) -> None:
        self._sdk = sdk
        self._largest_batch = largest_batch
        self._prompt_reads = 0
        self._waiting: asyncio.Task[Messages] | None = None

    @property
    def batch(self) -> int:
        """How many messages to ask for: one, and under load more and more."""
        doublings = min(max(self._prompt_reads - PROMPT_READS, 0), DOUBLINGS)
        return min(1 << doublings, self._largest_batch)

    async def look(self) -> Messages:
        """Return a message that is there, or nothing; never stopped."""
        return await self._ask(1, within=LOOK)

    async def read(self, most: int, *, may_wait: bool) -> Messages:
        """Return up to `most` messages; where none is there, wait for one or for `stop`, if that is allowed."""
        if most == 1 and may_wait:
            return await self._ask(1, within=None)
        return await self._ask(most, within=GAP if may_wait else GLANCE)

    def stop(self) -> None:
        """End a read that waits; others are short."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def _ask(self, most: int, *, within: float | None) -> Messages:
        asked = asyncio.create_task(self._receive(most))
        if within is None:
            self._waiting = asked
        try:
            ended, _ = await asyncio.wait({asked}, timeout=GAP if within is None else within)
            if within is None and not ended:
                await asyncio.wait({asked})
        finally:
            self._waiting = None
        is_prompt = bool(ended) and not asked.cancelled()
        self._prompt_reads = self._prompt_reads + 1 if is_prompt else 0
        return await self._end(asked, most)

    async def _receive(self, most: int) -> Messages:
        return await self._sdk.receive_messages(max_message_count=most, max_wait_time=LONGEST_CALL)

    async def _end(self, asked: asyncio.Task[Messages], most: int) -> Messages:
        while not asked.done():
            asked.cancel()
            await asyncio.wait({asked}, timeout=GAP)  # `wait_for` of 3.11 may swallow it
        if not asked.cancelled():
            return asked.result()
        return await self._sdk.receive_messages(max_message_count=most, max_wait_time=NO_TIME)
