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
ACCEPTED_AT_ONCE = 4
"""The SDK takes half a second to open a connection, and each session has its own."""


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
        self._accepting: set[asyncio.Task[SessionReceiver]] = set()
        self._failures: list[Exception] = []
        self._pausing: asyncio.Task[None] | None = None
        self._stopping = False

    async def run(self) -> None:
        """Accept sessions and run them until `stop`; then wait for what still runs."""
        try:
            while not self._stopping:
                self._ask_for_sessions()
                await asyncio.wait(
                    [*self._accepting, *self._work], return_when=asyncio.FIRST_COMPLETED
                )
                await self._take_sessions()
            if self._work:
                await asyncio.wait(self._work)
        finally:
            ending = [*self._work, *self._accepting, *filter(None, [self._pausing])]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def stop(self) -> None:
        """Accept no more sessions, and receive no more in those that are held."""
        self._stopping = True
        self._slots.release()
        for task in [*self._accepting, *filter(None, [self._pausing])]:
            task.cancel()
        for work in self._work.values():
            work.stop()

    def _ask_for_sessions(self) -> None:
        most = 1 if self._outage.lasts else ACCEPTED_AT_ONCE
        wait = PROBE if self._outage.lasts else PATIENCE
        free = self._settings.max_concurrent_sessions - len(self._work)
        for _ in range(len(self._accepting), min(most, free)):
            accepting = self._broker.accept_session(self._entity, max_wait=wait)
            self._accepting.add(asyncio.create_task(accepting))

    async def _take_sessions(self) -> None:
        pause = None
        for accepted in [task for task in self._accepting if task.done()]:
            self._accepting.discard(accepted)
            if accepted.cancelled():
                continue
            try:
                self._start(accepted.result())
            except SessionCannotBeLockedError:
                self._outage.ended()
            except Exception as error:  # the broker's trouble must not end the pump
                pause = pause or self._outage.failed(error)
        for failure in self._failures:
            pause = pause or self._outage.failed(failure)
        self._failures.clear()
        if pause is not None and not self._stopping:
            self._pausing = asyncio.create_task(self._clock.sleep(pause))
            await asyncio.wait([self._pausing])

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
        task.add_done_callback(self._note_end)
        if self._stopping:
            work.stop()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        work = self._work.pop(task)
        if work.failure is not None:
            self._failures.append(work.failure)
        elif work.has_received:
            self._outage.ended()
