"""What the engine tells: batches of events on the queue `history` become events of the log, each once."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from dataclasses import dataclass

from shared.connector.event_ids import end_id, is_of_the_connector, named_operation
from shared.connector.rejection import QueueMessage, description_of, faults_of, rejected_copy
from shared.errors import Fault, InvalidRequestError
from shared.events.batch import Batch, placed, read_batch
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.events.log import EventLog
from shared.messaging.broker import TransactionalSender
from shared.messaging.entities import REJECTED
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

LONGEST_ID = 2048
"""An id travels in a header, and may have the path of a job in it."""
TOLD_BY_AN_ENGINE = frozenset(
    event_type
    for event_type in EventType
    if event_type.startswith(("tocsin.job.", "tocsin.attempt.", "tocsin.execution."))
)
Known = Callable[[Transaction, Collection[str]], Set[str]]
"""Which of these names are operations'."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message of an engine, and what is in it."""

    message: QueueMessage
    batch: Batch


class History:
    """Takes what an engine tells of one subscription; what it may not tell is rejected, and the rest goes on."""

    def __init__(
        self,
        database: Database,
        *,
        sender: TransactionalSender,
        event_log: EventLog,
        source: str,
        known_operations: Known,
    ) -> None:
        self._database = database
        self._sender = sender
        self._event_log = event_log
        self._source = source
        self._known_operations = known_operations

    async def publish(self, message: QueueMessage) -> None:
        """Publish the events in `message`, those that are known already excepted; safe to repeat.

        A masked copy of a message with anything else in it goes to the queue `rejected`, at every repeat.
        """
        told = Told(message, read_batch(message.body))
        faults, is_published = await self._database.run_grouped(self._write_group, told)
        if faults:
            logger.warning(
                "history rejected, but for the good events in it: %s",
                description_of(faults_of(InvalidRequestError(faults))),
                extra={"action": "reject_history", "rejected_message": message.name},
            )
        if not is_published:
            await self._event_log.publish()

    # A bound method is a new object each time, equal to the last: the group is found by equality.
    def _write_group(
        self, transaction: Transaction, group: Sequence["Told"]
    ) -> Sequence[tuple[list[Fault], bool]]:
        faults = [self._write(transaction, told) for told in group]
        is_published = self._event_log.publish_in(transaction)
        return [(found, is_published) for found in faults]

    def _write(self, transaction: Transaction, told: "Told") -> list[Fault]:
        """Insert the events of one message; returns what is wrong with the others."""
        batch = told.batch
        found = list(batch.faults)
        ids = [one.event.id for one in batch.events.values()]
        named = {one for one in map(named_operation, ids) if one is not None}
        # Known by its id, an event of another would keep the operation's own out of the log (P2).
        ends = {end_id(one) for one in self._known_operations(transaction, named)}
        for position, one in batch.events.items():
            if faults := tuple(self._refusals(one.event, ends)):
                found += placed(faults, position)
            else:
                self._event_log.insert_encoded(transaction, one.event, one.structured)
        if found:
            self._reject(transaction, told.message, found)
        return found

    def _refusals(self, event: CloudEvent, ends: Set[str]) -> Iterator[Fault]:
        if event.type not in TOLD_BY_AN_ENGINE:
            yield Fault("$.type", "is none that an engine may tell")
        if event.source.lower() != self._source.lower():
            yield Fault("$.source", f"must be {self._source}")
        if len(event.id) > LONGEST_ID:
            yield Fault("$.id", f"must have at most {LONGEST_ID} characters")
        if event.id in ends or is_of_the_connector(event.id):
            yield Fault("$.id", "is one that the connector gives itself")
        if "sequence" in event.extensions:
            yield Fault("$.sequence", "is for the log to give")

    def _reject(
        self, transaction: Transaction, message: QueueMessage, faults: Sequence[Fault]
    ) -> None:
        error = InvalidRequestError(faults)
        copy = rejected_copy(message, reason=error.code, faults=faults_of(error))
        self._sender.send_in(transaction, REJECTED, [copy])
