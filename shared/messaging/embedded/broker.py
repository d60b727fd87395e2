"""The port to queues and topics, on the broker inside the process that owns the database file."""

from collections.abc import Sequence
from datetime import timedelta

from shared.clock import Clock
from shared.messaging.broker import Receiver, SessionReceiver
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import encode, stored_message
from shared.messaging.embedded.receiver import EmbeddedReceiver, EmbeddedSessionReceiver
from shared.messaging.entities import NamespaceDescription, QueueDescription, TopicDescription
from shared.messaging.message import Message, StoredMessage
from shared.sql.database import Database, Transaction

NAME = "embedded"


class EmbeddedBroker:
    """Broker and TransactionalSender; one for a file."""

    sends_with_commit = True

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        queues: Sequence[QueueDescription],
        topics: Sequence[TopicDescription] = (),
    ) -> None:
        description = NamespaceDescription(name=NAME, queues=tuple(queues), topics=tuple(topics))
        self._core = BrokerCore(database, clock=clock, description=description)
        self._clock = clock

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        await self.schedule(entity, messages)

    async def schedule(self, entity: str, messages: Sequence[Message]) -> list[int]:
        return await self._core.send(entity, [encode(message) for message in messages])

    def send_in(self, transaction: Transaction, entity: str, messages: Sequence[Message]) -> None:
        self._core.send_in(transaction, entity, [encode(message) for message in messages])

    async def cancel_scheduled(self, entity: str, sequence_numbers: Sequence[int]) -> None:
        await self._core.cancel_scheduled(entity, sequence_numbers)

    async def peek(
        self, entity: str, *, from_sequence_number: int = 0, max_messages: int = 1
    ) -> list[StoredMessage]:
        seen: list[StoredMessage] = []
        while len(seen) < max_messages:
            envelopes = await self._core.peek(
                entity,
                from_sequence_number=from_sequence_number,
                max_messages=max_messages - len(seen),
            )
            if not envelopes:
                break
            seen += [stored_message(envelope) for envelope in envelopes]
            from_sequence_number = envelopes[-1].sequence_number + 1
        return seen

    def receiver(self, entity: str) -> Receiver:
        return EmbeddedReceiver(self._core, self._core.source(entity), clock=self._clock)

    async def accept_session(
        self, entity: str, *, session_id: str | None = None, max_wait: timedelta
    ) -> SessionReceiver:
        session = await self._core.accept_session(entity, session_id=session_id, max_wait=max_wait)
        return EmbeddedSessionReceiver(
            self._core, self._core.source(entity), session, clock=self._clock
        )

    async def close(self) -> None:
        await self._core.close()

    def free_locks(self, transaction: Transaction) -> int:
        """End the locks that a dead process left; only the sole owner of the file may, before anything is received."""
        return self._core.free_locks(transaction)
