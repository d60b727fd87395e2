"""The broker's transactions, in plain sqlite3: they are the hottest there are.

A delivery is the triple (entity, sequence number, delivery count). Every settlement is conditional on it and on the
lock's end, so the delivery count is the fence and the lock token only another spelling of the triple. Functions that
take a sequence are grouped: when one item of them has lost its lock they raise, and the database runs each alone.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from shared.errors import MessageLockLostError, NotFoundError
from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.encoding import Content, Row
from shared.messaging.embedded.namespace import Namespace, Source, Target
from shared.messaging.embedded.schema import State
from shared.messaging.embedded.sequence import SequenceNumbers
from shared.sql.database import Transaction

AT_ONCE = 500
MAX_DELIVERY_COUNT_EXCEEDED = "MaxDeliveryCountExceeded"

LONG_AGO, FAR_FUTURE = 0, 2**62

Delivery = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages for one entity; each with the instant from which it is visible, None for at once."""

    target: Target
    contents: Sequence[tuple[Content, int | None]]
    now: int


@dataclass(frozen=True, slots=True)
class Demand:
    """So many messages of one entity, to be locked until an instant."""

    source: Source
    wanted: int
    until: int


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery to settle now."""

    delivery: Delivery
    now: int

    @property
    def key(self) -> tuple[str, int, int, int]:
        return (*self.delivery, self.now)


@dataclass(frozen=True, slots=True)
class Renewal(Held):
    until: int


@dataclass(frozen=True, slots=True)
class DeadLetter(Held):
    reason: str
    description: str


class MessageStorage:
    """`arrived` is called on the event loop with the entities that have new active messages, `waits_until` with the
    earliest of new instants; both after the commit."""

    def __init__(
        self,
        namespace: Namespace,
        *,
        arrived: Callable[[Iterable[str]], None],
        waits_until: Callable[[int], None],
    ) -> None:
        self._namespace = namespace
        self._arrived = arrived
        self._waits_until = waits_until
        self._numbers = SequenceNumbers()

    def insert(self, tx: Transaction, parcels: Sequence[Parcel]) -> list[list[int]]:
        """Store every message; returns the sequence numbers of each parcel."""
        needed = sum(len(parcel.contents) * max(1, len(parcel.target.copies)) for parcel in parcels)
        number = self._numbers.take(tx, needed)
        rows: list[tuple[str, int, int, int | None, int]] = []
        bodies: list[tuple[int, bytes, str | None, str | None]] = []
        numbers = []
        for parcel in parcels:
            target, now = parcel.target, parcel.now
            given = []
            for content, due in parcel.contents:
                given.append(number)
                scheduled = due is not None and due > now
                state = State.SCHEDULED if scheduled else State.ACTIVE
                for path in (target.path,) if scheduled else target.copies:
                    rows.append((path, number, state, due if scheduled else None, now))
                    bodies.append((number, content.body, content.message_id, content.attributes))
                    number += 1
                number = max(number, given[-1] + 1)
            numbers.append(given)
        self._store(tx, rows, bodies)
        return numbers

    def _store(
        self,
        tx: Transaction,
        rows: Sequence[tuple[str, int, int, int | None, int]],
        bodies: Sequence[tuple[int, bytes, str | None, str | None]],
    ) -> None:
        tx.driver.executemany(sql.INSERT, rows)
        tx.driver.executemany(sql.INSERT_BODY, bodies)
        if active := {row[0] for row in rows if row[3] is None}:
            tx.on_commit(partial(self._arrived, active))
        if waiting := [row[3] for row in rows if row[3] is not None]:
            tx.on_commit(partial(self._waits_until, min(waiting)))

    def lock(self, tx: Transaction, demands: Sequence[Demand]) -> list[list[Row]]:
        """Lock the oldest active messages; the rows show what was before."""
        answers = []
        for demand in demands:
            path = demand.source.path
            rows = tx.driver.execute(sql.ACTIVE, (path, demand.wanted)).fetchall()
            tx.driver.executemany(sql.LOCK, [(demand.until, path, row[0]) for row in rows])
            if rows:
                tx.on_commit(partial(self._waits_until, demand.until))
            answers.append(rows)
        return answers

    def complete(self, tx: Transaction, items: Sequence[Held]) -> Sequence[None]:
        change(tx.driver, sql.DELETE, [item.key for item in items])
        tx.driver.executemany(sql.DELETE_BODY, [(item.delivery[1],) for item in items])
        return [None] * len(items)

    def renew(self, tx: Transaction, items: Sequence[Renewal]) -> Sequence[None]:
        change(tx.driver, sql.RENEW, [(item.until, *item.key) for item in items])
        return [None] * len(items)

    def abandon(self, tx: Transaction, items: Sequence[Held]) -> Sequence[None]:
        self._give_back(tx, items)
        return [None] * len(items)

    def dead_letter(self, tx: Transaction, items: Sequence[DeadLetter]) -> Sequence[None]:
        self._move(tx, items)
        return [None] * len(items)

    def undeliver(self, tx: Transaction, items: Sequence[Held]) -> Sequence[None]:
        """Take back deliveries that nobody has seen; they do not count."""
        tx.driver.executemany(sql.UNDELIVER, [item.key for item in items])
        tx.on_commit(partial(self._arrived, {item.delivery[0] for item in items}))
        return [None] * len(items)

    def cancel(self, tx: Transaction, path: str, numbers: Sequence[int]) -> None:
        """Raises NotFoundError when one of them is not scheduled."""
        for number in numbers:
            if tx.driver.execute(sql.CANCEL, (path, number)).rowcount != 1:
                raise NotFoundError(
                    f"{path!r} has no scheduled message {number}", code="MessageNotFound"
                )
        tx.driver.executemany(sql.DELETE_BODY, [(number,) for number in numbers])

    def replace_attributes(
        self, tx: Transaction, number: int, change_text: Callable[[str | None], str | None]
    ) -> None:
        """Rewrite what is beside the body."""
        present = tx.driver.execute(sql.ATTRIBUTES, (number,)).fetchone()
        if present is not None:
            tx.driver.execute(sql.SET_ATTRIBUTES, (change_text(present[0]), number))

    def run_due(self, tx: Transaction, now: int) -> int | None:
        """Activate what is due and unlock what ran out; returns the next instant that somebody waits for."""
        self._activate(tx, now)
        self._expire(tx, until=now)
        states = (State.LOCKED, State.SCHEDULED)
        instants = [tx.driver.execute(sql.EARLIEST, (state,)).fetchone() for state in states]
        return min((instant[0] for instant in instants if instant is not None), default=None)

    def free_locks(self, tx: Transaction) -> int:
        """End every lock, since whoever held them is dead."""
        freed = 0
        while count := self._expire(tx, until=FAR_FUTURE):
            freed += count
        return freed

    def _activate(self, tx: Transaction, now: int) -> None:
        due = tx.driver.execute(sql.ENDING, (State.SCHEDULED, now, AT_ONCE)).fetchall()
        fanned_out = []
        for path, number, _ in due:
            if self._namespace.copies(path) == (path,):
                tx.driver.execute(sql.ACTIVATE, (now, path, number))
            else:
                fanned_out.append((path, number))
        self._fan_out(tx, fanned_out, now)
        if paths := {path for path, _, _ in due}:
            tx.on_commit(partial(self._arrived, paths))

    def _fan_out(self, tx: Transaction, scheduled: Sequence[tuple[str, int]], now: int) -> None:
        rows, bodies = [], []
        for path, number in scheduled:
            content = tx.driver.execute(sql.BODY, (number,)).fetchone()
            copies = self._namespace.copies(path)
            first = self._numbers.take(tx, len(copies))
            for copy_number, copy in enumerate(copies, first):
                rows.append((copy, copy_number, int(State.ACTIVE), None, now))
                bodies.append((copy_number, *content))
        self._store(tx, rows, bodies)
        tx.driver.executemany(sql.FORGET, scheduled)
        tx.driver.executemany(sql.DELETE_BODY, [(number,) for _, number in scheduled])

    def _expire(self, tx: Transaction, *, until: int) -> int:
        ended = tx.driver.execute(sql.ENDING, (State.LOCKED, until, AT_ONCE)).fetchall()
        if ended:
            self._give_back(tx, [Held(delivery, LONG_AGO) for delivery in ended])
        return len(ended)

    def _give_back(self, tx: Transaction, items: Sequence[Held]) -> None:
        again, used_up = [], []
        for item in items:
            count, limit = item.delivery[2], self._limit(item.delivery[0])
            if limit is not None and count >= limit:
                description = f"delivered {count} times; {limit} are allowed"
                used_up.append(
                    DeadLetter(item.delivery, item.now, MAX_DELIVERY_COUNT_EXCEEDED, description)
                )
            else:
                again.append(item)
        if again:
            change(tx.driver, sql.UNLOCK, [item.key for item in again])
            tx.on_commit(partial(self._arrived, {item.delivery[0] for item in again}))
        if used_up:
            self._move(tx, used_up)

    def _limit(self, path: str) -> int | None:
        source = self._namespace.sources.get(path)
        return source.max_delivery_count if source is not None else None

    def _move(self, tx: Transaction, items: Sequence[DeadLetter]) -> None:
        moves = []
        for item in items:
            target = self._namespace.sources[item.delivery[0]].dead_letter_path
            assert target is not None
            moves.append((target, item.reason, item.description, *item.key))
        change(tx.driver, sql.MOVE, moves)
        tx.on_commit(partial(self._arrived, {move[0] for move in moves}))


def change(driver: sqlite3.Connection, statement: str, keys: Sequence[tuple[object, ...]]) -> None:
    """Raises MessageLockLostError when one of the messages is not held under the lock that was given."""
    if driver.executemany(statement, keys).rowcount != len(keys):
        raise MessageLockLostError("the lock of the message has expired, or it was settled before")


def peek(
    connection: Connection, path: str, *, from_sequence_number: int, at_most: int
) -> list[Row]:
    """Return rows whatever their state."""
    rows = connection.exec_driver_sql(sql.PEEK, (path, from_sequence_number, at_most))
    return [tuple(row) for row in rows]
