"""What is sent because a transaction committed: in the background, and found again by sweep where it is lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from shared.errors import TocsinError
from shared.messaging.message import Message

logger = logging.getLogger(__name__)

Send = Callable[[str, Sequence[Message]], Awaitable[None]]


class Outbox:
    """Sends to each entity in the order of the commits, what has gathered at once; a failure is logged once until
    something gets through again."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: dict[str, list[Message]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._failing: set[str] = set()

    def add(self, entity: str, messages: Sequence[Message]) -> None:
        """Send these soon."""
        self._waiting.setdefault(entity, []).extend(messages)
        if entity not in self._senders:
            self._senders[entity] = asyncio.create_task(self._send_all(entity))

    async def flush(self, *, within: float) -> None:
        """Return when everything was sent or has failed, or after `within` seconds: the rest is left to sweep."""
        if self._senders:
            _, late = await asyncio.wait(self._senders.values(), timeout=within)
            for task in late:
                task.cancel()

    async def _send_all(self, entity: str) -> None:
        try:
            while messages := self._waiting.pop(entity, None):
                await self._send_some(entity, messages)
        finally:
            del self._senders[entity]

    async def _send_some(self, entity: str, messages: list[Message]) -> None:
        try:
            await self._send(entity, messages)
        except TocsinError as error:
            if entity not in self._failing:
                self._failing.add(entity)
                logger.warning(
                    "cannot send to %s after a commit, sweep will: %s",
                    entity,
                    error,
                    extra={"action": "send-committed", "entity": entity},
                )
        else:
            self._failing.discard(entity)
