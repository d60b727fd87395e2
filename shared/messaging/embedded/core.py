"""One namespace of queues and topics in one database file, for whichever door messages come in by.

Every call is a transaction of the database, grouped with those that others ask for at the same time. Receivers are
woken by the commit that made a message active, and one timer waits for the next lock that ends, message that becomes
due or expires; nothing polls. Entities are named by their paths, in any case; instants are microseconds since 1970.

A scheduled message gets a new sequence number when it becomes active; a dead-lettered one keeps its number and
enqueued time. A message scheduled on a topic is copied to the subscriptions when it becomes due.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar
from uuid import UUID, uuid4

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.errors import ConfigurationError, MessageSizeExceededError, PermanentError
from shared.messaging.embedded import counting, session_states
from shared.messaging.embedded.due import DueWork
from shared.messaging.embedded.encoding import reported
from shared.messaging.embedded.envelope import (
    Delivery,
    EntityCounts,
    Envelope,
    SessionLock,
    StoredEnvelope,
    read_token,
)
from shared.messaging.embedded.limits import (
    LARGEST_MAX_MESSAGE_SIZE,
    MAX_MESSAGE_SIZE,
    check_envelope,
    check_id,
)
from shared.messaging.embedded.looks import Peek, still_locked
from shared.messaging.embedded.namespace import Namespace, Source
from shared.messaging.embedded.receiving import Line, Receiving
from shared.messaging.embedded.sending import Parcel, Sending
from shared.messaging.embedded.sequence import SequenceNumbers
from shared.messaging.embedded.session_requirements import check_session_requirements
from shared.messaging.embedded.sessions import Sessions
from shared.messaging.embedded.settling import (
    DeadLetter,
    Held,
    Properties,
    Renewal,
    Settling,
)
from shared.messaging.embedded.signals import Place, Signals
from shared.messaging.embedded.subscription_rules import SubscriptionRules
from shared.messaging.embedded.timer import DueTimer
from shared.messaging.embedded.waiting import Visitor
from shared.messaging.entities import NamespaceDescription
from shared.messaging.rules import RuleDescription
from shared.messaging.steps import in_steps
from shared.sql.database import Database, Transaction

Item = TypeVar("Item", bound=Held)


class BrokerCore:
    """One for a file. Naming an entity that there is not raises EntityNotFoundError.

    Settling raises MessageLockLostError, or SessionLockLostError when the session's lock is gone.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        description: NamespaceDescription,
        max_message_size: int = MAX_MESSAGE_SIZE,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        """Raises ConfigurationError for a description beyond the limits (facts, section 4)."""
        if max_message_size > LARGEST_MAX_MESSAGE_SIZE:
            raise ConfigurationError(
                f"messages of {max_message_size} bytes: {LARGEST_MAX_MESSAGE_SIZE} is the most"
            )
        self._database = database
        self._clock = clock
        self._max_size = max_message_size
        self._namespace = Namespace(description)
        self._rules = SubscriptionRules(self._namespace, new_id)
        self._timer = DueTimer(clock, self._run_due)
        self._has_looked = False
        self._sessions = Sessions(database, clock, self._wait_until)
        signals = Signals(arrived=self._arrived, waits_until=self._wait_until)
        numbers = SequenceNumbers()
        self._sending = Sending(numbers, self._rules, signals)
        self._settling = Settling(self._namespace, signals, self._sessions)
        self._due = DueWork(
            self._namespace, numbers, signals, sending=self._sending, settling=self._settling
        )
        self._receiving = Receiving(
            database, clock, settling=self._settling, sessions=self._sessions, look=self._look
        )
        self._visitor = Visitor(clock)

    async def open(self) -> None:
        """Take over what an earlier process left; only the sole owner of the file may, before anything else.

        Locks of messages stay: whoever holds one may outlive the broker and settle by it. Those of sessions ended.
        Raises ConfigurationError where messages do not fit what their entity now requires of sessions.
        """
        await self._database.read(partial(check_session_requirements, namespace=self._namespace))
        await in_steps(self._database, self._due.free_sessions)
        await self._database.run(lambda tx: self._rules.load(tx) and None)
        self._look()

    async def close(self) -> None:
        """End every call that waits, and every session; what else is unsettled becomes available when its lock ends."""
        await self._timer.close()
        await self._receiving.close()
        await self._sessions.close(self._settling)

    def free_locks(self, transaction: Transaction) -> int:
        """End every lock; returns how many. For an owner in whose process all who held one were."""
        return self._due.free_locks(transaction)

    def has_source(self, path: str) -> bool:
        return path.lower() in self._namespace.sources

    def has_target(self, path: str) -> bool:
        return path.lower() in self._namespace.targets

    def source(self, path: str) -> Source:
        return self._namespace.source(path)

    async def send(self, path: str, envelopes: Sequence[Envelope]) -> list[int]:
        """Store all of them, or none; returns their sequence numbers. Duplicates are accepted and dropped.

        Raises MessageSizeExceededError, QuotaExceededError, and PermanentError for what the entity does not take.
        """
        return await self._database.run_grouped(self._sending.insert, self._parcel(path, envelopes))

    def send_in(
        self, transaction: Transaction, path: str, envelopes: Sequence[Envelope]
    ) -> list[int]:
        return self._sending.insert(transaction, [self._parcel(path, envelopes)])[0]

    async def cancel_scheduled(self, path: str, numbers: Sequence[int]) -> None:
        """Raises NotFoundError when one of them is not scheduled, and then removes none."""
        target = self._namespace.target(path)
        await self._database.run(lambda tx: self._due.cancel(tx, target.path, numbers))

    async def peek(
        self,
        path: str,
        *,
        from_sequence_number: int,
        max_messages: int,
        session_id: str | None = None,
        max_size: int | None = None,
    ) -> list[StoredEnvelope]:
        """Return messages of every state from that number on: up to 250, and none after `max_size` bytes of bodies."""
        kept = self._namespace.stored_path(path)
        source = self._namespace.sources.get(kept)
        letters_of = None if source is None else source.dead_letter_source
        peek = Peek(kept, letters_of, from_sequence_number, max_messages, session_id, max_size)
        return await self._database.read(peek.look)

    async def still_locked(self, path: str, tokens: Sequence[UUID]) -> list[UUID]:
        """Return those of the tokens whose locks last."""
        source = self._namespace.source(path)
        return await self._database.read(
            lambda connection: still_locked(connection, source.path, tokens, self._now())
        )

    def line(self, path: str, session: SessionLock | None = None) -> Line:
        """Return where to wait for messages; raises PermanentError, SessionLockLostError."""
        return self._receiving.line(self._namespace.source(path), session)

    async def lock(
        self,
        path: str,
        *,
        max_messages: int,
        max_wait: timedelta | None,
        session: SessionLock | None = None,
    ) -> list[Delivery]:
        """Lock up to `max_messages`; waits at most `max_wait` for the first, None for ever.

        Cancelling takes no message with it.
        """
        line = self.line(path, session)
        deliveries = await self._visitor.wait(line, max_messages, max_wait)
        if session is not None and not deliveries:
            self._sessions.check(session)
        return deliveries

    async def take(
        self,
        path: str,
        *,
        max_messages: int,
        max_wait: timedelta | None,
        session: SessionLock | None = None,
    ) -> list[StoredEnvelope]:
        """Receive and delete; who is cancelled just then may lose what was deleted."""
        deliveries = await self.lock(
            path, max_messages=max_messages, max_wait=max_wait, session=session
        )
        return await self._delete(path, deliveries)

    async def complete(self, path: str, token: UUID) -> None:
        await self._database.run_grouped(self._settling.complete, self._held(path, token))

    async def abandon(self, path: str, token: UUID, properties: Properties | None = None) -> None:
        await self._settle(self._settling.abandon, self._held(path, token), properties)

    async def defer(self, path: str, token: UUID, properties: Properties | None = None) -> None:
        await self._settle(self._settling.defer, self._held(path, token), properties)

    async def dead_letter(
        self,
        path: str,
        token: UUID,
        *,
        reason: str | None,
        description: str | None,
        properties: Properties | None = None,
    ) -> None:
        """Raises PermanentError when the entity is a dead-letter queue itself."""
        held = self._held(path, token)
        if held.source.dead_letter_path is None:
            raise PermanentError(
                f"{held.source.path!r} has no dead-letter queue of its own", code="InvalidOperation"
            )
        letter = DeadLetter(
            held.source, held.number, held.fence, held.now, reported(reason), reported(description)
        )
        await self._settle(self._settling.dead_letter, letter, properties)

    async def release(self, path: str, token: UUID) -> None:
        """Make the message available again as if it had never been delivered."""
        await self._database.run_grouped(self._settling.release, self._held(path, token))

    async def renew(self, path: str, token: UUID) -> int:
        """Returns the lock's new end. Raises PermanentError where sessions are what is locked."""
        held = self._held(path, token)
        if held.source.requires_session:
            raise PermanentError(
                f"{held.source.path!r} requires sessions: renew the session's lock",
                code="InvalidOperation",
            )
        until = held.now + held.source.lock
        renewal = Renewal(held.source, held.number, held.fence, held.now, until)
        await self._database.run_grouped(self._settling.renew, renewal)
        return until

    async def receive_deferred(
        self, path: str, numbers: Sequence[int], *, session: SessionLock | None = None
    ) -> list[Delivery]:
        """Raises NotFoundError when one of them is not deferred here, or has expired, and then locks none."""
        return await self._receiving.deferred(self._namespace.source(path), numbers, session)

    async def take_deferred(
        self, path: str, numbers: Sequence[int], *, session: SessionLock | None = None
    ) -> list[StoredEnvelope]:
        deliveries = await self.receive_deferred(path, numbers, session=session)
        return await self._delete(path, deliveries)

    async def accept_session(
        self, path: str, *, session_id: str | None, max_wait: timedelta | None
    ) -> SessionLock:
        """Lock the session named, or the next that has messages and is free.

        Raises SessionCannotBeLockedError, and PermanentError where there are no sessions.
        """
        source = self._source_of_sessions(path)
        check_id("session", session_id)
        self._look()
        return await self._sessions.accept(source, session_id=session_id, max_wait=max_wait)

    async def release_session(self, lock: SessionLock) -> None:
        """End the lock; messages that are not settled become available."""
        await self._sessions.release(lock, self._settling)

    async def renew_session(self, lock: SessionLock) -> int:
        """Returns the lock's new end. Raises SessionLockLostError."""
        return self._sessions.renew(lock, self._namespace.source(lock.path))

    def check_session(self, lock: SessionLock) -> None:
        """Raises SessionLockLostError."""
        self._sessions.check(lock)

    async def session_state(self, path: str, session_id: str) -> bytes | None:
        source = self._source_of_sessions(path)
        return await self._database.read(
            lambda connection: session_states.session_state(connection, source.path, session_id),
            is_short=True,
        )

    async def set_session_state(self, path: str, session_id: str, state: bytes | None) -> None:
        """Raises MessageSizeExceededError when it is larger than a message may be."""
        source = self._source_of_sessions(path)
        if state is not None and len(state) > self._max_size:
            raise MessageSizeExceededError(
                f"the state has {len(state)} bytes; at most {self._max_size} are allowed"
            )
        await self._database.run(
            lambda tx: session_states.set_session_state(tx, source.path, session_id, state)
        )

    async def sessions(self, path: str, *, skip: int, top: int) -> list[str]:
        """Return sessions that have messages or a state, in the order of their ids."""
        source = self._source_of_sessions(path)
        return await self._database.read(
            lambda connection: list(
                islice(session_states.sessions(connection, source.path), skip, skip + top)
            )
        )

    async def rules(self, path: str) -> list[RuleDescription]:
        subscription = self._namespace.subscription(path)
        return await self._database.run(lambda tx: self._rules.of(tx, subscription))

    async def add_rule(self, path: str, rule: RuleDescription) -> None:
        """Raises ConflictError when there is a rule of that name, InvalidFilterError, PermanentError."""
        subscription = self._namespace.subscription(path)
        await self._database.run(lambda tx: self._rules.add(tx, subscription, rule))

    async def remove_rule(self, path: str, name: str) -> None:
        """Raises NotFoundError."""
        subscription = self._namespace.subscription(path)
        await self._database.run(lambda tx: self._rules.remove(tx, subscription, name))

    async def counts(self) -> list[EntityCounts]:
        """Return what each queue, topic and subscription holds."""
        return await self._database.read(
            lambda connection: list(counting.counts(connection, self._namespace))
        )

    async def _settle(
        self,
        work: Callable[[Transaction, Sequence[Item]], Sequence[None]],
        item: Item,
        properties: Properties | None,
    ) -> None:
        if not properties:
            await self._database.run_grouped(work, item)
            return

        def settle(tx: Transaction) -> None:
            work(tx, [item])
            self._settling.change_properties(tx, item, properties, max_size=self._max_size)

        await self._database.run(settle)

    async def _delete(self, path: str, deliveries: Sequence[Delivery]) -> list[StoredEnvelope]:
        await asyncio.gather(*(self.complete(path, one.lock_token) for one in deliveries))
        return list(deliveries)

    def _parcel(self, path: str, envelopes: Sequence[Envelope]) -> Parcel:
        target = self._namespace.target(path)
        for envelope in envelopes:
            check_envelope(envelope, target, self._max_size)
        return Parcel(target, envelopes, self._now())

    def _held(self, path: str, token: UUID) -> Held:
        return Held(self._namespace.source(path), *read_token(token), self._now())

    def _source_of_sessions(self, path: str) -> Source:
        source = self._namespace.source(path)
        if not source.requires_session:
            raise PermanentError(f"{source.path!r} knows no sessions", code="InvalidOperation")
        return source

    def _look(self) -> None:
        if not self._has_looked:
            # At what an earlier process left; from then on the timer knows the next instant.
            self._has_looked = True
            self._timer.arm(self._clock.now())

    async def _run_due(self) -> datetime | None:
        following = await self._database.run(partial(self._work, now=self._now()))
        return None if following is None else from_microseconds(following)

    def _work(self, tx: Transaction, now: int) -> int | None:
        session_end = self._sessions.run_due(tx, self._settling, now)
        following = self._due.run(tx, now)
        return min((one for one in (session_end, following) if one is not None), default=None)

    def _arrived(self, places: set[Place]) -> None:
        self._receiving.arrived(places)

    def _wait_until(self, instant: int) -> None:
        self._timer.arm(from_microseconds(instant))

    def _now(self) -> int:
        return to_microseconds(self._clock.now())
