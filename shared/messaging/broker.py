"""The port to queues and topics.

An entity is named by its path: `operations`, `operations/$DeadLetterQueue`, `events/Subscriptions/all`,
`events/Subscriptions/all/$DeadLetterQueue`; case does not matter. A topic can be sent to, and its subscriptions
received from.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from shared.messaging.message import Message, PropertyValue, ReceivedMessage, StoredMessage
from shared.sql.database import Transaction


class Receiver(Protocol):
    """Takes messages of one entity under a lock (peek-lock)."""

    async def receive(
        self, *, max_messages: int, max_wait: timedelta | None
    ) -> list[ReceivedMessage]:
        """Lock and return up to `max_messages`, oldest first; waits at most `max_wait` for the first
        (None: for ever). There may be more than it returns.

        A locked message is delivered to nobody else until its lock expires or is given back. The raised delivery count
        is durable before the message is returned, so one that kills its receiver is not delivered for ever.
        """

    async def complete(self, message: ReceivedMessage) -> None:
        """Remove the message. Raises MessageLockLostError when the lock is no longer ours."""

    async def abandon(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        """Make the message available at once, or move it to the dead-letter queue when its deliveries are used up
        (reason `MaxDeliveryCountExceeded`). Raises MessageLockLostError, and PermanentError for `properties` where the
        way to the broker cannot carry them; so does `defer`."""

    async def defer(
        self, message: ReceivedMessage, *, properties: Mapping[str, PropertyValue] | None = None
    ) -> None:
        """Put the message aside: only `receive_deferred` delivers it again. Raises MessageLockLostError."""

    async def receive_deferred(self, sequence_numbers: Sequence[int]) -> list[ReceivedMessage]:
        """Lock and return the deferred messages of these numbers.

        Raises NotFoundError when one of them is not deferred here, and then locks none.
        """

    async def dead_letter(self, message: ReceivedMessage, *, reason: str, description: str) -> None:
        """Move the message to the entity's dead-letter queue. Raises MessageLockLostError."""

    async def renew_lock(self, message: ReceivedMessage) -> datetime:
        """Extend the lock by the entity's lock duration from now and return its end. Raises MessageLockLostError."""

    async def close(self) -> None:
        """End waiting calls of `receive` with an empty list; locks already taken stay until they expire."""


class SessionReceiver(Receiver, Protocol):
    """Takes messages of one session, in their order, while it holds the session's lock.

    Each method also raises SessionLockLostError once that lock has expired; `renew_lock` renews it for all messages.
    Closing ends the lock, and messages that are not settled become available.
    """

    @property
    def session_id(self) -> str:
        """The session whose lock is held."""

    @property
    def locked_until(self) -> datetime:
        """When the lock ends unless it is renewed."""

    async def renew_session_lock(self) -> datetime:
        """Extend the lock by the entity's lock duration from now and return its end."""

    async def get_state(self) -> bytes | None:
        """Return what was last set as the session's state, by whomever; None when nothing was."""

    async def set_state(self, state: bytes | None) -> None:
        """Keep `state` with the session, also when it has no messages; None forgets it."""


class Sender(Protocol):
    """What can be sent to. Naming an entity that it does not have raises EntityNotFoundError."""

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        """Enqueue all of them in this order, or none; durable on return.

        Where the broker is elsewhere, all or none of what fits one batch (256 KB): more goes in several, in order, and
        when one fails, those before it stay sent.

        Raises MessageSizeExceededError when one is too large, QuotaExceededError when the entity is full and
        PermanentError when one has no session id and the entity requires sessions.
        """


class Broker(Sender, Protocol):
    """A namespace of queues and topics. Naming an entity that it does not have raises EntityNotFoundError."""

    async def schedule(self, entity: str, messages: Sequence[Message]) -> list[int]:
        """Like `send` for messages with a scheduled_enqueue_time; returns the sequence numbers to cancel them by."""

    async def cancel_scheduled(self, entity: str, sequence_numbers: Sequence[int]) -> None:
        """Remove scheduled messages that are not yet active. Raises NotFoundError, and then removes none."""

    async def peek(
        self, entity: str, *, from_sequence_number: int = 0, max_messages: int = 1
    ) -> list[StoredMessage]:
        """Return messages from that sequence number on, active, locked and scheduled ones, without locking them.

        Raises PermanentError for an entity that requires sessions, where it can only be looked at by who holds one.
        """

    def receiver(self, entity: str) -> Receiver:
        """Return a receiver of an entity that requires no sessions; it opens nothing until it is used."""

    async def accept_session(
        self, entity: str, *, session_id: str | None = None, max_wait: timedelta
    ) -> SessionReceiver:
        """Lock a session: the one named, which needs no messages, or the next that has some and is free.

        Raises SessionCannotBeLockedError when somebody else holds it, or none comes within `max_wait`.
        """

    async def close(self) -> None:
        """Close every receiver. Nothing is lost: what is unsettled becomes available when its lock ends."""


class TransactionalSender(Protocol):
    """Sends with a database commit."""

    @property
    def sends_with_commit(self) -> bool:
        """Whether it is the same commit. Elsewhere what a process that dies had not sent yet is lost."""

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        """Send if and when the transaction commits.

        Where broker and database share a file it is the same commit. Elsewhere it is sent after the commit by this
        process, and a crash between the two loses it: what is sent this way must be found again by sweep.
        """
