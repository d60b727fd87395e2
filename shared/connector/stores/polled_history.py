"""What looks at other Schedulers' histories leave, in a database."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import sqlite

from shared.clock import (
    from_microseconds,
    from_optional_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.connector.history_looks import SeenJob
from shared.connector.history_store import Turn
from shared.connector.stores.polled_history_tables import polled_collection, polled_job
from shared.errors import LeaseLostError
from shared.events.cloudevent import CloudEvent
from shared.events.log import EventLog
from shared.events.tables import event
from shared.sql.database import Database, Transaction
from shared.sql.prepared import Prepared

LEASE = timedelta(minutes=5)
APART = timedelta(seconds=30)
"""Several processes look once a minute together, and timers may go off a little early."""

IS_COLLECTION = polled_collection.c.path == bindparam("this")
IS_TURN = IS_COLLECTION & (polled_collection.c.attempt == bindparam("fence"))
IS_JOB = (polled_job.c.collection == bindparam("this")) & (polled_job.c.job == bindparam("name"))
STATE = ("attempts", "last_started", "known_until", "complete_at", "short_looks")

INTRODUCE = Prepared(
    sqlite.insert(polled_collection)
    .values(path=bindparam("this"), attempt=0, lease_until=0, taken_at=0)
    .on_conflict_do_nothing(index_elements=["path"])
)
TAKE = Prepared(
    update(polled_collection)
    .where(
        IS_COLLECTION,
        polled_collection.c.lease_until <= bindparam("present"),
        polled_collection.c.taken_at <= bindparam("earlier"),
    )
    .values(
        attempt=polled_collection.c.attempt + 1,
        lease_until=bindparam("until"),
        taken_at=bindparam("present"),
    )
)
TURN = Prepared(
    select(polled_collection.c.attempt, polled_collection.c.looked_at).where(IS_COLLECTION)
)
# A write, so that the row is locked until the commit.
HOLD = Prepared(update(polled_collection).where(IS_TURN).values(attempt=bindparam("fence")))
GIVE_BACK = Prepared(update(polled_collection).where(IS_TURN).values(lease_until=0))
LOOKED = Prepared(
    update(polled_collection).where(IS_TURN).values(lease_until=0, looked_at=bindparam("at"))
)
SEEN = Prepared(select(polled_job).where(polled_job.c.collection == bindparam("this")))
FORGET = Prepared(delete(polled_job).where(IS_JOB))
WRITE_JOB = sqlite.insert(polled_job).values(
    collection=bindparam("this"), job=bindparam("name"), **{one: bindparam(one) for one in STATE}
)
WRITE = Prepared(
    WRITE_JOB.on_conflict_do_update(
        index_elements=["collection", "job"],
        set_={one: WRITE_JOB.excluded[one] for one in STATE},
    )
)


class SqlPolledHistory:
    """See `PolledHistoryStore`."""

    def __init__(self, database: Database, event_log: EventLog) -> None:
        self._database = database
        self._event_log = event_log

    async def take(self, collection: str, *, now: datetime) -> Turn | None:
        until = now + LEASE

        def write(transaction: Transaction) -> Turn | None:
            connection = transaction.connection
            INTRODUCE.change(connection, this=collection)
            taken = TAKE.change(
                connection,
                this=collection,
                present=to_microseconds(now),
                earlier=to_microseconds(now - APART),
                until=to_microseconds(until),
            )
            if not taken:
                return None
            (row,) = TURN.rows(connection, this=collection)
            since = from_optional_microseconds(row.looked_at)
            return Turn(collection=collection, attempt=row.attempt, until=until, since=since)

        return await self._database.run(write)

    async def seen(self, collection: str) -> Mapping[str, SeenJob]:
        def query(connection: Connection) -> Mapping[str, SeenJob]:
            return {row.job: seen_job(row) for row in SEEN.rows(connection, this=collection)}

        return await self._database.read(query)

    async def unknown(self, ids: Sequence[str]) -> frozenset[str]:
        def query(connection: Connection) -> frozenset[str]:
            known = connection.execute(select(event.c.id).where(event.c.id.in_(ids))).scalars()
            return frozenset(ids).difference(known)

        return await self._database.read(query)

    async def tell(self, turn: Turn, job: str, seen: SeenJob, events: Sequence[CloudEvent]) -> None:
        state = {
            "attempts": seen.attempts,
            "last_started": to_optional_microseconds(seen.last_started),
            "known_until": to_optional_microseconds(seen.known_until),
            "complete_at": to_microseconds(seen.complete_at),
            "short_looks": seen.short_looks,
        }

        def write(transaction: Transaction) -> None:
            hold(transaction, turn)
            for one in events:
                self._event_log.insert(transaction, one)
            WRITE.change(transaction.connection, this=turn.collection, name=job, **state)

        await self._database.run(write)

    async def forget(self, turn: Turn, job: str) -> None:
        def write(transaction: Transaction) -> None:
            hold(transaction, turn)
            FORGET.change(transaction.connection, this=turn.collection, name=job)

        await self._database.run(write)

    async def end(self, turn: Turn, *, looked_at: datetime | None) -> None:
        this = {"this": turn.collection, "fence": turn.attempt}

        def write(transaction: Transaction) -> None:
            if looked_at is None:
                GIVE_BACK.change(transaction.connection, **this)
            else:
                LOOKED.change(transaction.connection, at=to_microseconds(looked_at), **this)

        await self._database.run(write)


def hold(transaction: Transaction, turn: Turn) -> None:
    """Raises LeaseLostError unless the turn is still its holder's."""
    if not HOLD.change(transaction.connection, this=turn.collection, fence=turn.attempt):
        raise LeaseLostError(f"somebody else looks at {turn.collection}")


def seen_job(row: Any) -> SeenJob:
    return SeenJob(
        attempts=row.attempts,
        last_started=from_optional_microseconds(row.last_started),
        known_until=from_optional_microseconds(row.known_until),
        complete_at=from_microseconds(row.complete_at),
        short_looks=row.short_looks,
    )
