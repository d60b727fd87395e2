"""What is received from a queue or subscription (facts §1, "Receiving" and "Settling").

Messages are locked, or taken, only for credit that is there: while there is none nothing waits at the core, and a wait
that asks for more than the credit has become is cancelled, which takes no message with it. A message keeps its lock
when its link ends: only a session's lock ends with its link.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.clock import NO_TIME
from shared.errors import SessionLockLostError, TocsinError
from shared.messaging.amqp.codec.envelopes import deliver
from shared.messaging.amqp.codec.performatives import (
    Accepted,
    Error,
    Modified,
    Outcome,
    Rejected,
    Released,
)
from shared.messaging.amqp.engine.node import Fields, Outlet
from shared.messaging.amqp.nodes.conditions import describe_error
from shared.messaging.amqp.nodes.managed_entity import HeldSessions
from shared.messaging.amqp.nodes.requests import application_properties
from shared.messaging.amqp.nodes.unsettled import Unsettled
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.envelope import Delivery, SessionLock
from shared.messaging.message import PropertyValue

_log = logging.getLogger(__name__)

REASON = "DeadLetterReason"
DESCRIPTION = "DeadLetterErrorDescription"


class EntityOutlet:
    """Delivers what there is credit for; `is_settling` is peek-lock, otherwise it is receive-and-delete.

    Who is to settle, and whose link does not end with a lock, has `unsettled`.
    """

    def __init__(
        self,
        core: BrokerCore,
        path: str,
        outlet: Outlet,
        *,
        is_settling: bool,
        session: SessionLock | None = None,
        unsettled: Unsettled | None = None,
    ) -> None:
        self._core = core
        self._path = path
        self._outlet = outlet
        self._is_settling = is_settling
        self._session = session
        # Found for credit that the peer, or the session's window, has taken back meanwhile.
        self._ready: deque[Delivery] = deque()
        self._unsettled = unsettled
        self._asked = 0
        self._is_patient = False
        self._delivering: asyncio.Task[None] | None = None
        self._has_ended = False

    def credited(self) -> None:
        if self._has_ended:
            return
        if self._delivering is None:
            if self._outlet.credit > 0:
                self._delivering = asyncio.create_task(self._deliver())
        elif self._asked > self._outlet.credit or (self._is_patient and self._outlet.is_draining):
            self._delivering.cancel()

    async def _deliver(self) -> None:
        try:
            self._send_ready()
            while self._outlet.credit > 0 and not self._has_ended:
                await self._deliver_once()
        except Exception as fault:  # the link ends with it; describe_error logs what is a bug
            self._has_ended = True
            self._outlet.detach(describe_error(fault))
        finally:
            self._delivering = None
            self.credited()

    async def _deliver_once(self) -> None:
        """Wait for messages and send them; a drain does not wait, and takes its credit back if there are too few."""
        is_draining = self._outlet.is_draining
        found = await self._find(None if not is_draining else NO_TIME)
        self._ready.extend(found if self._is_settling else await self._delete(found))
        self._send_ready()
        if is_draining and not self._ready:
            self._outlet.drained()
        # Who waits for ever comes back without a message only from a core that is closed.
        self._has_ended = self._has_ended or not (found or is_draining)

    async def _find(self, max_wait: timedelta | None) -> list[Delivery]:
        self._asked, self._is_patient = self._outlet.credit, max_wait is None
        try:
            return await self._core.lock(
                self._path, max_messages=self._asked, max_wait=max_wait, session=self._session
            )
        finally:
            self._asked, self._is_patient = 0, False

    async def _delete(self, locked: list[Delivery]) -> list[Delivery]:
        """Return those that are gone for good: whoever receives and deletes gets nothing that may come again."""
        deleted = await asyncio.gather(
            *(self._core.complete(self._path, delivery.lock_token) for delivery in locked),
            return_exceptions=True,
        )
        return [delivery for delivery, fault in zip(locked, deleted, strict=True) if not fault]

    def _send_ready(self) -> None:
        while self._ready and self._outlet.credit > 0:
            delivery = self._ready.popleft()
            if self._unsettled is not None:
                self._unsettled.add(delivery)
            self._outlet.send(
                deliver(delivery),
                tag=delivery.lock_token.bytes_le,
                is_settled=not self._is_settling,
            )

    async def settled(self, tag: bytes, outcome: Outcome | None) -> Outcome:
        """Carry out the outcome; a settlement without one gives the message back."""
        token = UUID(bytes_le=tag)
        if self._unsettled is not None:
            self._unsettled.discard(token)
        match outcome:
            case Accepted():
                await self._core.complete(self._path, token)
            case Rejected(error):
                await self._dead_letter(token, error)
                # With an error it would say that this has failed.
                return Rejected()
            case Modified(_, True, properties):
                await self._core.defer(self._path, token, _changes(properties))
            case Modified(_, _, properties):
                await self._core.abandon(self._path, token, _changes(properties))
            case _:
                await self._core.release(self._path, token)
        return outcome or Released()

    async def _dead_letter(self, token: UUID, error: Error | None) -> None:
        told: Mapping[Any, Any] = (error and error.info) or {}
        await self._core.dead_letter(
            self._path,
            token,
            reason=_text(told.get(REASON)),
            description=_text(told.get(DESCRIPTION)),
            properties=_changes({key: told[key] for key in told.keys() - {REASON, DESCRIPTION}}),
        )

    async def ended(self) -> None:
        """Give back what was not sent yet; what was deleted for this link is lost with it."""
        self._has_ended = True
        if self._delivering is not None:
            self._delivering.cancel()
        if self._unsettled is not None:
            await self._unsettled.close()
        if self._is_settling:
            for delivery in self._ready:
                await self._give_back(delivery)

    async def _give_back(self, delivery: Delivery) -> None:
        try:
            await self._core.release(self._path, delivery.lock_token)
        except TocsinError as fault:
            action = {"action": "amqp_not_given_back"}
            _log.warning("a message comes again when its lock ends: %s", fault, extra=action)


def _changes(properties: Fields | None) -> dict[str, PropertyValue]:
    return application_properties("properties", properties or {})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


class SessionOutlet(EntityOutlet):
    """Delivers the messages of one session, whose lock is released when the link ends, and ends the link when lost."""

    def __init__(
        self,
        core: BrokerCore,
        outlet: Outlet,
        session: SessionLock,
        *,
        is_settling: bool,
        name: str,
        sessions: HeldSessions,
    ) -> None:
        super().__init__(core, session.path, outlet, is_settling=is_settling, session=session)
        self._lock = session
        self._sessions = sessions
        sessions.add(name, session)
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        await self._lock.lost.wait()
        session_id = self._lock.session_id
        fault = SessionLockLostError(f"the lock of session {session_id!r} has expired")
        self._outlet.detach(describe_error(fault))

    async def ended(self) -> None:
        self._watching.cancel()
        self._sessions.remove(self._lock)
        try:
            await super().ended()
        finally:
            await self._core.release_session(self._lock)
