"""One session in the hands of this host: its messages one by one, in their order.

A message that fails is abandoned and so comes first again; the next one is not received before. Whatever leaves open
how a message was settled ends the session here: closing gives back what was delivered, and whoever accepts the session
next begins with it. So none of its messages is overtaken by a later one.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import SessionLockLostError, TocsinError
from shared.host.concurrency import Slots
from shared.host.host_json import HostSettings
from shared.host.message_calls import MessageCalls
from shared.host.renewal import RETRY_AFTER
from shared.messaging.broker import SessionReceiver
from shared.messaging.message import ReceivedMessage

logger = logging.getLogger(__name__)


class SessionWork:
    """Runs a session that was accepted until it is idle, lost or stopped, or cannot be received from; `run` closes it.

    `has_received` tells whether a receive has succeeded, `failure` why the last one did not.
    """

    def __init__(
        self,
        session: SessionReceiver,
        *,
        calls: MessageCalls,
        slots: Slots,
        clock: Clock,
        settings: HostSettings,
    ) -> None:
        self._session = session
        self._calls = calls
        self._slots = slots
        self._clock = clock
        self._idle_timeout = settings.session_idle_timeout
        self._longest = settings.max_auto_lock_renewal
        self._receiving: asyncio.Task[list[ReceivedMessage]] | None = None
        self._renew_until: datetime | None = None
        self._is_ending = False
        self._is_lost = False
        self.has_received = False
        self.failure: Exception | None = None

    async def run(self) -> None:
        """Call the function for each message; ends after the one that runs when `stop` is called."""
        renewing = asyncio.create_task(self._renew())
        try:
            while not self._is_ending:
                message = await self._next()
                if message is None or not await self._handle(message):
                    break
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with suppress(TocsinError):  # its lock ends by itself
                await self._session.close()

    def stop(self) -> None:
        """Receive no more."""
        self._is_ending = True
        if self._receiving is not None:
            # What it may have received already is given back when the session closes.
            self._receiving.cancel()

    async def _next(self) -> ReceivedMessage | None:
        self._receiving = asyncio.create_task(
            self._session.receive(max_messages=1, max_wait=self._idle_timeout)
        )
        try:
            await asyncio.wait([self._receiving])
            if self._receiving.cancelled() or self._is_ending:
                return None
            received = self._receiving.result()
            self.has_received = True
            return next(iter(received), None)
        except SessionLockLostError:
            self._tell_lost()
        except Exception as error:  # whoever accepts sessions decides when to try again
            self.failure = error
        finally:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
            self._receiving = None
        return None

    async def _handle(self, message: ReceivedMessage) -> bool:
        """Say whether the session may go on with its next message."""
        self._renew_until = self._clock.now() + self._longest
        while self._slots.free <= 0:
            await self._slots.until_free()
            if self._is_ending:
                return False
        slot = self._slots.take()
        try:
            succeeded = await self._calls.succeeds([message])
            if self._is_lost:  # and told
                return False
            return await self._calls.settle(self._session, message, succeeded=succeeded)
        finally:
            self._slots.give_back(slot)
            self._renew_until = None

    async def _renew(self) -> None:
        """Renew the session's lock while nothing runs, or something that has not run too long."""
        pause = self._half_of_the_lock()
        while True:
            await self._clock.sleep(pause)
            if self._renew_until is not None and self._clock.now() >= self._renew_until:
                self.stop()
                return
            try:
                await self._session.renew_session_lock()
            except SessionLockLostError:
                self._tell_lost()
                self.stop()
                return
            except Exception as error:  # it may work before the lock ends
                pause = RETRY_AFTER
                logger.warning(
                    "cannot renew the lock of session %r of %s: %s",
                    self._session.session_id,
                    self._calls.trigger.entity,
                    error,
                    exc_info=not isinstance(error, TocsinError),
                    extra={"action": "renew", "entity": self._calls.trigger.entity},
                )
            else:
                pause = self._half_of_the_lock()

    def _half_of_the_lock(self) -> timedelta:
        # Never nothing, not even where the broker's clock is far behind ours.
        return max((self._session.locked_until - self._clock.now()) / 2, RETRY_AFTER)

    def _tell_lost(self) -> None:
        self._is_lost = True
        logger.warning(
            "lost the lock of session %r of %s",
            self._session.session_id,
            self._calls.trigger.entity,
            extra={"action": "lock-lost", "entity": self._calls.trigger.entity},
        )
