"""Replies: the completion event of an operation goes to the queue that its command named, too.

A reply is a row, written with the end of its operation. It is sent after that commit and deleted once it is sent; what
a crash, or a broker that was away, left unsent is found by sweep. So it arrives at least once, with one message id.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from shared.clock import Clock
from shared.connector.operations import ReplyTo
from shared.errors import ConfigurationError, PermanentError, TocsinError
from shared.events.cloudevent import CONTENT_TYPE
from shared.messaging.broker import Sender
from shared.messaging.entities import EVENTS, TOCSIN_QUEUES, QueueDescription
from shared.messaging.message import Message

logger = logging.getLogger(__name__)

SENT_AT_ONCE = 100
SWEPT_AFTER = timedelta(seconds=10)
"""Whoever has just committed a reply is about to send it."""
KEPT = timedelta(days=7)
OURS = frozenset(queue.name for queue in TOCSIN_QUEUES) | {EVENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A completion event, structured, on its way to a queue."""

    number: int
    operation_id: str
    to: ReplyTo
    event: bytes = field(repr=False)

    def message(self) -> Message:
        """Return what the queue gets; every time the same."""
        document = json.loads(self.event)
        return Message(
            body=self.event,
            message_id=document["id"],
            correlation_id=self.to.correlation_id,
            session_id=self.to.session_id,
            subject=document["type"],
            content_type=CONTENT_TYPE,
        )


class ReplyStore(Protocol):
    """Replies that are not known to be sent; the operation store inserts them."""

    async def of(self, operation_id: str) -> Reply | None:
        """Return the reply of an operation, None when it has none or it was sent."""

    async def queue_after(self, queue: str) -> str | None:
        """Return the first queue, by code points, after `queue` that a reply waits for."""

    async def waiting(self, queue: str, *, before: datetime, limit: int) -> Sequence[Reply]:
        """Return replies to `queue` of operations that ended until `before`, the oldest first."""

    async def forget(self, replies: Sequence[Reply]) -> None:
        """Delete what was sent, or is refused for ever."""

    async def prune(self, *, before: datetime) -> int:
        """Delete the replies of operations that ended before that instant; returns how many."""


class Replies:
    """Sends replies."""

    def __init__(self, store: ReplyStore, *, sender: Sender, clock: Clock) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock

    async def send(self, operation_id: str) -> None:
        """Send the reply of an operation that has ended, if it has one; what fails is left to sweep."""
        reply = await self._store.of(operation_id)
        if reply is not None:
            await self._send(reply.to.queue, [reply])

    async def sweep(self) -> int:
        """Send what was not sent when its operation ended; a queue that takes nothing holds up no other.

        Returns how many wait no longer.
        """
        before = self._clock.now() - SWEPT_AFTER
        sent, queue = 0, await self._store.queue_after("")
        while queue is not None:
            while replies := await self._store.waiting(queue, before=before, limit=SENT_AT_ONCE):
                if not await self._send(queue, replies):
                    break
                sent += len(replies)
            queue = await self._store.queue_after(queue)
        return sent

    async def prune(self) -> int:
        """Give up what could not be sent for seven days; returns how many."""
        given_up = await self._store.prune(before=self._clock.now() - KEPT)
        if given_up:
            logger.error(
                "%d replies could not be sent for %d days",
                given_up,
                KEPT.days,
                extra={"action": "drop_replies"},
            )
        return given_up

    async def _send(self, queue: str, replies: Sequence[Reply]) -> bool:
        """Send all at once; where one is such that it is never taken, one by one, and drop that one.

        Returns False when the queue takes nothing at present.
        """
        try:
            await self._sender.send(queue, [reply.message() for reply in replies])
        except PermanentError as error:
            if len(replies) > 1:
                return await self._send_each(queue, replies)
            logger.error(
                "reply dropped: %s",
                error,
                extra={
                    "action": "drop_reply",
                    "queue": queue,
                    "operation_id": replies[0].operation_id,
                    "code": error.code,
                },
            )
        except TocsinError as error:
            logger.warning(
                "replies wait: %s",
                error,
                extra={"action": "send_reply", "queue": queue, "replies": len(replies)},
            )
            return False
        await self._store.forget(replies)
        return True

    async def _send_each(self, queue: str, replies: Sequence[Reply]) -> bool:
        for reply in replies:
            if not await self._send(queue, [reply]):
                return False
        return True


def allowed_queues(names: Sequence[str]) -> Mapping[str, str]:
    """Return the queues that replies may go to, by their names in lower case: Service Bus ignores case.

    Raises:
        ConfigurationError: one of them is Tocsin's own.
    """
    ours = sorted(name for name in names if name.lower().split("/")[0] in OURS)
    if ours:
        raise ConfigurationError(
            f"TOCSIN_REPLY_QUEUES: {', '.join(ours)}: replies must not go to Tocsin's own queues"
        )
    return MappingProxyType({name.lower(): name for name in names})


def reply_queue_descriptions(names: Sequence[str]) -> tuple[QueueDescription, ...]:
    """Return the queues that an embedded broker has for replies.

    Raises:
        ConfigurationError: one of them is Tocsin's own.
    """
    return tuple(QueueDescription(name=name) for name in allowed_queues(names).values())
