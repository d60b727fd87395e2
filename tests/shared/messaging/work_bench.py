"""A table of work without a process around it: time, wake-ups and transactions are in the test's hand."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Column, MetaData, Table, Text

from shared.clock import from_microseconds
from shared.messaging.message import Message
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet, WorkRows
from shared.messaging.work_table import sweep_index, work_columns
from shared.sql.database import Transaction
from shared.sql.sqlite import sqlite_engine
from tests.clocks import START

LEASE = timedelta(seconds=90)
Value = TypeVar("Value")

metadata = MetaData()
table = Table("thing", metadata, Column("id", Text, primary_key=True), *work_columns())
sweep_index(table)


class Outbox:
    """A queue that keeps what was committed, and how many messages each sending had."""

    def __init__(self) -> None:
        self.sends_with_commit = True
        self.sent: list[Message] = []
        self.sizes: list[int] = []

    def send_in(self, transaction: Transaction, _: str, messages: Sequence[Message]) -> None:
        self.sizes.append(len(messages))
        transaction.on_commit(lambda: self.sent.extend(messages))


class WorkBench:
    """WorkRows on a real table in memory."""

    def __init__(self) -> None:
        self.now = START
        self.outbox = Outbox()
        self.rows = WorkRows(table, key="id", queue="things", lease=LEASE, sender=self.outbox)
        self.connection = sqlite_engine(Path(":memory:")).connect()
        metadata.create_all(self.connection)

    def run(self, work: Callable[[Transaction], Value]) -> Value:
        """Run `work` in a transaction of its own."""
        transaction = Transaction(self.connection)
        self.connection.exec_driver_sql("BEGIN")
        try:
            value = work(transaction)
        except BaseException:
            self.connection.exec_driver_sql("ROLLBACK")
            raise
        self.connection.exec_driver_sql("COMMIT")
        for callback in transaction.callbacks():
            callback()
        return value

    def sent(self) -> list[tuple[WakeUp, datetime | None]]:
        """Take what was sent since, with the instants it is scheduled for."""
        messages, self.outbox.sent = self.outbox.sent, []
        return [(WakeUp.decode(each.body), each.scheduled_enqueue_time) for each in messages]

    def insert(self, row_id: str, due_at: datetime) -> None:
        def work(tx: Transaction) -> None:
            tx.connection.execute(table.insert().values(id=row_id))
            self.rows.schedule(tx, row_id, attempt=0, due_at=due_at, now=self.now)

        self.run(work)

    def insert_many(self, rows: Mapping[str, datetime]) -> None:
        """Insert rows as their owner does: with what the mechanism says, woken in one go."""

        def work(tx: Transaction) -> None:
            columns = self.rows.first_of_many(tx, rows, now=self.now)
            for row_id in rows:
                tx.connection.execute(table.insert().values(id=row_id, **columns[row_id]))

        self.run(work)

    def withdraw(self, row_id: str) -> None:
        self.run(lambda tx: self.rows.withdraw(tx, row_id))

    def schedule(self, row_id: str, attempt: int, due_at: datetime) -> None:
        self.run(
            lambda tx: self.rows.schedule(tx, row_id, attempt=attempt, due_at=due_at, now=self.now)
        )

    def start(self, row_id: str, attempt: int) -> Lease | NotYet | Nothing:
        return self.run(lambda tx: self.rows.start(tx, WakeUp(row_id, attempt), now=self.now))

    def take(self, row_id: str, attempt: int) -> Lease:
        lease = self.start(row_id, attempt)
        assert isinstance(lease, Lease)
        return lease

    def record(self, lease: Lease, due_at: datetime | None) -> None:
        self.run(lambda tx: self.rows.record(tx, lease, due_at=due_at, now=self.now))

    def sweep(self, limit: int = 500) -> int:
        return self.run(lambda tx: self.rows.sweep(tx, now=self.now, limit=limit))

    def free_leases(self) -> int:
        return self.run(lambda tx: self.rows.free_leases(tx, now=self.now))

    def attempt(self, row_id: str) -> int:
        return int(self._value(row_id, "attempt"))

    def due_at(self, row_id: str) -> datetime | None:
        value = self._value(row_id, "due_at")
        return None if value is None else from_microseconds(value)

    def _value(self, row_id: str, column: str) -> int:
        statement = f"SELECT {column} FROM thing WHERE id = ?"
        value: int = self.connection.exec_driver_sql(statement, (row_id,)).scalar_one()
        return value
