"""From a queue or subscription that requires sessions to the function it triggers.

A pump holds up to `maxConcurrentSessions` sessions at once and runs one message of each at a time, as the Functions
host does with one call a session. A session that has nothing more for `sessionIdleTimeout` is released, so that others
get their turn; one that always has something is kept.
"""

import asyncio
from datetime import timedelta

from shared.clock import Clock
from shared.errors import SessionCannotBeLockedError
from shared.host.concurrency import Slots
from shared.host.functions import HostedFunction
from shared.host.host_json import HostSettings
from shared.host.invocation import Invoker
from shared.host.message_calls import MessageCalls
from shared.host.outage import Outage
from shared.host.pump import PROBE
from shared.host.session_work import SessionWork
from shared.messaging.broker import Broker, SessionReceiver

PATIENCE = timedelta(minutes=1)
"""How long one wait for a session lasts before the next; what the SDKs of Azure wait."""


class SessionPump:
    """Runs one function for the sessions of one entity."""

    def __init__(
        self,
        function: HostedFunction,
        *,
        broker: Broker,
        invoker: Invoker,
        slots: Slots,
        clock: Clock,
        settings: HostSettings,
    ) -> None:
        """`slots` are this pump's own; the function's trigger is one of messages with sessions."""
        self._calls = MessageCalls(function, invoker=invoker)
        self._entity = self._calls.trigger.entity
        self._broker = broker
        self._slots = slots
        self._clock = clock
        self._settings = settings
        self._outage = Outage(self._entity)
        self._work: dict[asyncio.Task[None], SessionWork] = {}
        self._waiting: asyncio.Task[SessionReceiver] | asyncio.Task[None] | None = None
        self._stopping = False

    async def run(self) -> None:
        """Accept sessions and run them until `stop`; then wait for what still runs."""
        try:
            while not self._stopping:
                if len(self._work) < self._settings.max_concurrent_sessions:
                    await self._accept()
                else:
                    await asyncio.wait(self._work, return_when=asyncio.FIRST_COMPLETED)
            if self._work:
                await asyncio.wait(self._work)
        finally:
            ending = [*self._work, *filter(None, [self._waiting])]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def stop(self) -> None:
        """Accept no more sessions, and receive no more in those that are held."""
        self._stopping = True
        self._slots.release()
        if self._waiting is not None:
            self._waiting.cancel()
        for work in self._work.values():
            work.stop()

    async def _accept(self) -> None:
        wait = PROBE if self._outage.lasts else PATIENCE
        accepting = asyncio.create_task(self._broker.accept_session(self._entity, max_wait=wait))
        self._waiting = accepting
        await asyncio.wait([accepting])
        self._waiting = None
        if accepting.cancelled():
            return
        try:
            session = accepting.result()
        except SessionCannotBeLockedError:
            self._outage.ended()
        except Exception as error:  # the broker's trouble must not end the pump
            await self._rest(self._outage.failed(error))
        else:
            self._outage.ended()
            self._start(session)

    def _start(self, session: SessionReceiver) -> None:
        work = SessionWork(
            session,
            calls=self._calls,
            slots=self._slots,
            clock=self._clock,
            settings=self._settings,
        )
        task = asyncio.create_task(work.run())
        self._work[task] = work
        task.add_done_callback(self._work.pop)
        if self._stopping:
            work.stop()

    async def _rest(self, pause: timedelta) -> None:
        """Wait, unless the pump stops."""
        if not self._stopping:
            self._waiting = asyncio.create_task(self._clock.sleep(pause))
            await asyncio.wait([self._waiting])
            self._waiting = None
