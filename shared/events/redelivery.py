"""What was delivered, or given up, is delivered again: a range of the log, or dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.errors import ConflictError
from shared.events import event_subscription_statements, statements
from shared.events.cloudevent import format_time
from shared.events.event_subscription import EventSubscription, not_found
from shared.events.event_subscription_requests import RedriveRequest, read_request
from shared.events.event_subscription_rows import locked, locked_row
from shared.events.log import sequence_of
from shared.events.matching import is_asleep, wake_time
from shared.events.queries import PageQuery, RangeQuery
from shared.events.status import EventSubscriptionStatus
from shared.events.status_changes import log_change
from shared.events.tables import delivery_work
from shared.messaging.broker import TransactionalSender
from shared.messaging.steps import AT_ONCE, in_steps
from shared.sql.database import Database, Transaction
from shared.wire.json_types import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that was given up."""

    number: int
    event_id: str
    event_type: str
    subject: str | None
    failures: int
    last_error: str | None
    ended_at: datetime

    def to_json(self) -> JsonObject:
        """Return what callers see."""
        document: JsonObject = {
            "sequence": sequence_of(self.number),
            "eventId": self.event_id,
            "type": self.event_type,
            "failures": self.failures,
            "lastError": self.last_error,
            "deadLetteredTime": format_time(self.ended_at),
        }
        return document if self.subject is None else document | {"subject": self.subject}


class Redelivery:
    """Has events delivered again to one event subscription, under the ids that they had."""

    def __init__(self, database: Database, clock: Clock, sender: TransactionalSender) -> None:
        self._database = database
        self._clock = clock
        self._work = delivery_work(sender)

    async def replay(
        self, event_subscription_id: str, query: RangeQuery, *, caller: str
    ) -> EventSubscription:
        """Deliver again what was published in a range and matches, as `shared.events.replaying` does; what is pending
        stays as it is.

        Raises:
            NotFoundError.
            ConflictError: it is disabled, or a replay goes on.
        """
        numbers = await self._database.read(lambda connection: numbers_of(connection, query))

        def begin(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id)
            check_not_disabled(present)
            if present.replay is not None:
                raise ConflictError(
                    f"event subscription {present.id} is being replayed to: event {present.replay[0]}"
                    f" of those up to {present.replay[1]} comes next"
                )
            if numbers is None:
                return present
            event_subscription_statements.SET_REPLAY.change(
                transaction.connection,
                name=present.id,
                next_number=numbers[0],
                last_number=numbers[1],
            )
            self._wake(transaction, present.id)
            return locked(transaction, present.id)

        changed = await self._database.run(begin)
        log_change("replay", changed, caller)
        return changed

    async def dead_letters(
        self, event_subscription_id: str, query: PageQuery
    ) -> Sequence[DeadLetter]:
        """Return those behind a number, in the order of the log. Raises NotFoundError."""

        def find(connection: Connection) -> Sequence[DeadLetter]:
            if not event_subscription_statements.GET.rows(connection, name=event_subscription_id):
                raise not_found(event_subscription_id)
            rows = statements.DEAD_LETTERS.rows(
                connection, name=event_subscription_id, after=query.after, at_most=query.limit
            )
            return [
                DeadLetter(
                    number=row.number,
                    event_id=row.id,
                    event_type=row.type,
                    subject=row.subject,
                    failures=row.failures,
                    last_error=row.last_error,
                    ended_at=from_microseconds(row.ended_at),
                )
                for row in rows
            ]

        return await self._database.read(find)

    async def redrive(self, event_subscription_id: str, body: bytes, *, caller: str) -> int:
        """Deliver dead letters again, those that the body names or all that there are by now; returns how many.

        Raises:
            NotFoundError, InvalidRequestError.
            ConflictError: it is disabled.
        """
        request = read_request(RedriveRequest, body or b"{}")
        names = request.event_ids
        through = await self._database.read(last_number)

        def begin(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id)
            check_not_disabled(present)
            return present

        def some(transaction: Transaction) -> int:
            locked_row(transaction, event_subscription_id)
            now = to_microseconds(self._clock.now())
            count = statements.REDRIVE_SOME.change(
                transaction.connection,
                name=event_subscription_id,
                through=through,
                present=now,
                at_most=AT_ONCE,
            )
            if count:
                self._wake(transaction, event_subscription_id)
            return count

        def these(transaction: Transaction) -> int:
            locked_row(transaction, event_subscription_id)
            now = to_microseconds(self._clock.now())
            count = sum(
                statements.REDRIVE_ONE.change(
                    transaction.connection, name=event_subscription_id, event_id=one, present=now
                )
                for one in dict.fromkeys(names or ())
            )
            if count:
                self._wake(transaction, event_subscription_id)
            return count

        present = await self._database.run(begin)
        log_change("redrive_dead_letters", present, caller)
        if names is not None:
            return await self._database.run(these)
        return await in_steps(self._database, some)

    def _wake(self, transaction: Transaction, event_subscription_id: str) -> None:
        row = locked_row(transaction, event_subscription_id)
        now = self._clock.now()
        present = to_microseconds(now)
        if row.status == EventSubscriptionStatus.ENABLED and is_asleep(row, present):
            due_at = from_microseconds(wake_time(row, present))
            self._work.schedule(
                transaction, event_subscription_id, attempt=row.attempt, due_at=due_at, now=now
            )


def check_not_disabled(present: EventSubscription) -> None:
    if present.status is EventSubscriptionStatus.DISABLED:
        raise ConflictError(f"event subscription {present.id} is disabled; enable it first")


def last_number(connection: Connection) -> int:
    (ends,) = statements.ENDS.rows(connection)
    return int(ends.last_number)


def numbers_of(connection: Connection, query: RangeQuery) -> tuple[int, int] | None:
    """Return the first and the last number that were published in a range; None when there are none."""
    (ends,) = statements.ENDS.rows(connection)
    if ends.first_number is None:
        return None
    bounds = ends.first_number, ends.last_number + 1
    first = first_since(connection, to_microseconds(query.since), bounds)
    behind = first_since(connection, to_microseconds(query.until), bounds)
    return (first, behind - 1) if first < behind else None


def first_since(connection: Connection, instant: int, bounds: tuple[int, int]) -> int:
    """Return the first number that was published at `instant` or later; its upper bound when none was.

    Numbers were given in the order of time, so it is found by halving: no index of instants has to be kept.
    """
    low, high = bounds
    while low < high:
        middle = (low + high) // 2
        (row,) = statements.PUBLISHED_AT.rows(connection, at_least=middle)
        if row.published_at < instant:
            low = row.number + 1
        else:
            high = middle
    return low
