"""Keeping the locks of running messages alive.

One task for all messages of a pump: it sleeps until the first lock is half over, renews every lock that is, and sleeps
again, so that a message that ends sooner costs two dictionary operations and no timer.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.clock import Clock
from shared.errors import MessageLockLostError, TocsinError
from shared.messaging.broker import Receiver
from shared.messaging.message import ReceivedMessage

logger = logging.getLogger(__name__)

RETRY_AFTER = timedelta(seconds=1)


@dataclass(slots=True)
class Held:
    """A lock in our hands: when to renew it next (None: no more), and until when we go on doing so."""

    message: ReceivedMessage
    renew_at: datetime | None
    give_up_at: datetime


class Renewals:
    """Renews locks until they have been held for `longest`."""

    def __init__(
        self, receiver: Receiver, *, clock: Clock, longest: timedelta, source: str
    ) -> None:
        self._receiver = receiver
        self._clock = clock
        self._longest = longest
        self._source = source
        self._held: dict[UUID, Held] = {}
        self._added = asyncio.Event()

    def add(self, message: ReceivedMessage) -> None:
        """Renew the lock of `message` from now on."""
        now = self._clock.now()
        renew_at = now + (message.locked_until - now) / 2
        self._held[message.lock_token] = Held(message, renew_at, now + self._longest)
        self._added.set()

    def discard(self, message: ReceivedMessage) -> bool:
        """Stop renewing; says whether the lock was still held, so that a lost one is reported once."""
        return self._held.pop(message.lock_token, None) is not None

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            waits = [held.renew_at for held in self._held.values() if held.renew_at is not None]
            if not waits:
                self._added.clear()
                await self._added.wait()
                continue
            await self._clock.sleep_until(min(waits))
            now = self._clock.now()
            due = [held for held in self._held.values() if held.renew_at and held.renew_at <= now]
            await asyncio.gather(*(self._renew(held, now) for held in due))

    async def _renew(self, held: Held, now: datetime) -> None:
        if now >= held.give_up_at:
            held.renew_at = None
            return
        try:
            locked_until = await self._receiver.renew_lock(held.message)
        except MessageLockLostError:
            if self.discard(held.message):
                log_lost_lock(self._source, held.message)
        except Exception as error:  # the loop must go on for the other locks
            held.renew_at = now + RETRY_AFTER
            logger.warning(
                "cannot renew a lock of %s: %s",
                self._source,
                error,
                exc_info=not isinstance(error, TocsinError),
                extra={"action": "renew", "entity": self._source},
            )
        else:
            held.renew_at = now + (locked_until - now) / 2


def log_lost_lock(source: str, message: ReceivedMessage) -> None:
    """Report that somebody else may run `message` now."""
    logger.warning(
        "lost the lock of message %d of %s",
        message.sequence_number,
        source,
        extra={"action": "lock-lost", "entity": source},
    )
