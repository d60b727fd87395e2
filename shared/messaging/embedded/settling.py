"""How messages get out: locked, settled, given back; in plain sqlite3, as the rest of the broker's transactions.

A delivery is the triple (entity, sequence number, fence); the fence is raised by every delivery. Every settlement is
conditional on it and on the lock's end, so the lock token is only another spelling of the triple. Functions that take a
sequence are grouped: when one item of them has lost its lock they raise, and the database runs each alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shared.errors import MessageLockLostError, NotFoundError, SessionLockLostError
from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.counting import Tally
from shared.messaging.embedded.encoding import with_properties
from shared.messaging.embedded.envelope import MAX_INTEGER, Form, SessionLock
from shared.messaging.embedded.limits import check_size
from shared.messaging.embedded.namespace import Namespace, Source
from shared.messaging.embedded.rows import Row
from shared.messaging.embedded.schema import UNTIL_RELEASED, State
from shared.messaging.embedded.signals import Place, Signals
from shared.messaging.message import PropertyValue
from shared.sql.database import Transaction

MAX_DELIVERY_COUNT_EXCEEDED = "MaxDeliveryCountExceeded"
TTL_EXPIRED = "TTLExpiredException"
TTL_EXPIRED_DESCRIPTION = "the message's time to live is over"
LOOKED_AT_AT_ONCE = 5000
Properties = Mapping[str, PropertyValue]


@dataclass(frozen=True, slots=True)
class Demand:
    """So many messages of one entity, or of one session of it, after a number, to be locked until an instant."""

    source: Source
    wanted: int
    now: int
    until: int
    session: SessionLock | None = None
    after: int = 0

    @property
    def session_id(self) -> str | None:
        return None if self.session is None else self.session.session_id


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery to settle now."""

    source: Source
    number: int
    fence: int
    now: int

    @property
    def key(self) -> tuple[str, int, int, int]:
        return self.source.path, self.number, self.fence, self.now


@dataclass(frozen=True, slots=True)
class Renewal(Held):
    until: int


@dataclass(frozen=True, slots=True)
class DeadLetter(Held):
    reason: str | None
    description: str | None


class Standing(NamedTuple):
    """A delivered message; `deliveries` are those that count."""

    path: str
    number: int
    deliveries: int
    session: str | None
    expires_at: int | None
    state: int


class Taken(NamedTuple):
    """Rows as they were before; `cut_at` is the number up to which was looked, None when at all there are."""

    rows: list[Row]
    cut_at: int | None = None


class SessionLocks(Protocol):
    """Who holds which session. Asked inside transactions: a lock may end between a call and its transaction."""

    def is_held(self, path: str, session_id: str, now: int) -> bool:
        """Return whether somebody holds a session of an entity at an instant."""

    def is_live(self, lock: SessionLock, now: int) -> bool:
        """Return whether this very lock lasts, and whoever ends it will free what is locked in it now."""


class Settling:
    def __init__(self, namespace: Namespace, signals: Signals, sessions: SessionLocks) -> None:
        self._namespace = namespace
        self._signals = signals
        self._sessions = sessions

    def lock(self, tx: Transaction, demands: Sequence[Demand]) -> list[Taken]:
        """Lock the oldest active messages, none in a session whose lock has ended."""
        return [
            Taken([]) if self._is_over(demand) else self._take(tx, demand) for demand in demands
        ]

    def lock_deferred(self, tx: Transaction, demand: Demand, numbers: Sequence[int]) -> list[Row]:
        """Raises NotFoundError when one of them is not deferred here, and SessionLockLostError."""
        if self._is_over(demand):
            raise session_lost(str(demand.session_id))
        rows: list[Row] = []
        for number in numbers:
            key = (demand.source.path, number, demand.session_id)
            found = tx.driver.execute(sql.DEFERRED, key).fetchall()
            if not found:
                raise NotFoundError(
                    f"{demand.source.path!r} has no deferred message {number}",
                    code="MessageNotFound",
                )
            self._lock(tx, demand, State.DEFERRED_LOCKED, found)
            rows += found
        return rows

    def expire_deferred(self, tx: Transaction, demand: Demand, numbers: Sequence[int]) -> bool:
        """Let go of those whose time is over, for which nobody waits; returns whether there were any."""
        expired = []
        for number in dict.fromkeys(numbers):
            key = (demand.source.path, number, demand.session_id, demand.now)
            expired += tx.driver.execute(sql.EXPIRED_DEFERRED, key).fetchall()
        self.let_go(tx, expired, State.DEFERRED)
        return bool(expired)

    def complete(self, tx: Transaction, items: Sequence[Held]) -> Sequence[None]:
        tally = Tally()
        for item in items:
            rows = tx.driver.execute(sql.DELETE, item.key).fetchall()
            if not rows:
                raise self._lost(tx, item)
            state, size, session = rows[0]
            self._check_session(item, session)
            if state == State.LOCKED:
                tally.add(item.source.path, active=-1)
            else:
                tally.add(item.source.path, deferred=-1)
            tally.add_size(item.source.owner, -size)
        tx.driver.executemany(sql.DELETE_BODY, [(item.number,) for item in items])
        tally.write(tx.driver)
        return [None] * len(items)

    def renew(self, tx: Transaction, items: Sequence[Renewal]) -> Sequence[None]:
        for item in items:
            if tx.driver.execute(sql.RENEW, (item.until, *item.key)).rowcount != 1:
                raise self._lost(tx, item)
        return [None] * len(items)

    def abandon(self, tx: Transaction, items: Sequence[Held]) -> Sequence[None]:
        self._give_back(tx, [self._standing(tx, item) for item in items])
        return [None] * len(items)

    def release(self, tx: Transaction, items: Sequence[Held]) -> Sequence[None]:
        """Take back deliveries that do not count."""
        self._unlock(tx, [self._standing(tx, item) for item in items], uncounted=1)
        return [None] * len(items)

    def defer(self, tx: Transaction, items: Sequence[Held]) -> Sequence[None]:
        tally = Tally()
        for item in items:
            if self._standing(tx, item).state == State.LOCKED:
                tally.add(item.source.path, active=-1, deferred=1)
            tx.driver.execute(sql.UNLOCK, (State.DEFERRED, 0, item.source.path, item.number))
        tally.write(tx.driver)
        return [None] * len(items)

    def dead_letter(self, tx: Transaction, items: Sequence[DeadLetter]) -> Sequence[None]:
        self.move(tx, [(self._standing(tx, item), item.reason, item.description) for item in items])
        return [None] * len(items)

    def change_properties(
        self, tx: Transaction, item: Held, properties: Properties, *, max_size: int
    ) -> None:
        """Add or replace application properties of a message that was just settled.

        Raises MessageSizeExceededError when they, or the message, become too large.
        """
        places = item.source.path, item.source.dead_letter_path
        for form, body, attributes, *_ in tx.driver.execute(sql.BODY, (item.number,)).fetchall():
            changed = with_properties(Form(form), body, attributes, properties)
            tx.driver.execute(sql.SET_BODY, (*changed, item.number))
            growth = length(*changed) - length(body, attributes)
            ((size,),) = tx.driver.execute(sql.GROW, (growth, *places, item.number)).fetchall()
            if growth > 0:
                check_size(size, max_size)
            tally = Tally()
            tally.add_size(item.source.owner, growth)
            tally.write(tx.driver)

    def expire(self, tx: Transaction, *, until: int, at_once: int) -> int:
        """Give back what is locked no longer than `until`, up to `at_once` messages; returns how many."""
        ended: list[Standing] = []
        for state in (State.LOCKED, State.DEFERRED_LOCKED):
            rows = tx.driver.execute(sql.ENDING, (state, until, at_once)).fetchall()
            ended += [Standing(*row) for row in rows]
        self._give_back(tx, ended)
        return len(ended)

    def free_session(self, tx: Transaction, path: str, session: str) -> None:
        """Give back whatever is delivered in a session."""
        rows = tx.driver.execute(sql.HELD_IN_SESSION, (path, session)).fetchall()
        self._give_back(tx, [Standing(*row) for row in rows])

    def free_sessions(self, tx: Transaction, *, at_once: int) -> int:
        """Give back up to so many messages that are delivered in any session; returns how many."""
        rows = tx.driver.execute(sql.HELD_IN_SESSIONS, (at_once,)).fetchall()
        self._give_back(tx, [Standing(*row) for row in rows])
        return len(rows)

    def move(
        self, tx: Transaction, letters: Sequence[tuple[Standing, str | None, str | None]]
    ) -> None:
        """Move messages to the dead-letter queue, each with its reason and description."""
        tally, places = Tally(), set[Place]()
        for standing, reason, description in letters:
            target = self._namespace.sources[standing.path].dead_letter_path
            assert target is not None
            tx.driver.execute(
                sql.MOVE, (target, reason, description, standing.path, standing.number)
            )
            is_deferred = standing.state in (State.DEFERRED, State.DEFERRED_LOCKED)
            tally.add(standing.path, active=is_deferred - 1, deferred=-is_deferred)
            tally.add(target, active=1)
            places.add((target, None))
        tally.write(tx.driver)
        self._signals.after(tx, places)

    def let_go(self, tx: Transaction, rows: Sequence[tuple[str, int, int]], state: State) -> None:
        """Move messages whose time is over to the dead-letter queue, or drop them, as their entities say.

        Of each it needs entity, number and size.
        """
        letters: list[tuple[Standing, str, str]] = []
        dropped = []
        for path, number, size in rows:
            source = self._namespace.sources.get(path)
            if source is not None and source.dead_letters_expired:
                standing = Standing(path, number, 0, None, None, state)
                letters.append((standing, TTL_EXPIRED, TTL_EXPIRED_DESCRIPTION))
            else:
                dropped.append((path, number, size))
        if letters:
            self.move(tx, letters)
        if dropped:
            self._drop(tx, dropped, is_deferred=state == State.DEFERRED)

    def _drop(
        self, tx: Transaction, rows: Sequence[tuple[str, int, int]], *, is_deferred: bool
    ) -> None:
        tally = Tally()
        for path, _, size in rows:
            tally.add(path, active=is_deferred - 1, deferred=-is_deferred)
            source = self._namespace.sources.get(path)
            if source is not None:
                tally.add_size(source.owner, -size)
        tx.driver.executemany(sql.FORGET, [row[:2] for row in rows])
        tx.driver.executemany(sql.DELETE_BODY, [(row[1],) for row in rows])
        tally.write(tx.driver)

    def _take(self, tx: Transaction, demand: Demand) -> Taken:
        statement, place = sql.ACTIVE, [demand.source.path]
        if demand.session_id is not None:
            statement = sql.ACTIVE_IN_SESSION
            place.append(demand.session_id)
        cut_at = last_to_look_at(tx, demand, place)
        until = MAX_INTEGER if cut_at is None else cut_at
        given = (*place, demand.after, until, demand.now, demand.wanted)
        rows = tx.driver.execute(statement, given).fetchall()
        self._lock(tx, demand, State.LOCKED, rows)
        return Taken(rows, cut_at if len(rows) < demand.wanted else None)

    def _is_over(self, demand: Demand) -> bool:
        # What is locked for a session that nobody holds would be freed by nobody.
        session = demand.session
        return session is not None and not self._sessions.is_live(session, demand.now)

    def _lock(self, tx: Transaction, demand: Demand, state: State, rows: Sequence[Row]) -> None:
        path, until = demand.source.path, demand.until
        tx.driver.executemany(sql.LOCK, [(state, until, path, row[0]) for row in rows])
        if rows and until != UNTIL_RELEASED:
            self._signals.after(tx, set(), until)

    def _standing(self, tx: Transaction, item: Held) -> Standing:
        """Raises MessageLockLostError or SessionLockLostError."""
        rows = tx.driver.execute(sql.STANDING, item.key).fetchall()
        if not rows:
            raise self._lost(tx, item)
        standing = Standing(*rows[0])
        self._check_session(item, standing.session)
        return standing

    def _check_session(self, item: Held, session: str | None) -> None:
        if session is not None and not self._sessions.is_held(item.source.path, session, item.now):
            raise session_lost(session)

    def _lost(self, tx: Transaction, item: Held) -> Exception:
        key = (item.source.path, item.number)
        for (session,) in tx.driver.execute(sql.SESSION_OF, key).fetchall():
            if session is not None and not self._sessions.is_held(
                item.source.path, session, item.now
            ):
                return session_lost(session)
        return MessageLockLostError("the lock of the message has expired, or it was settled before")

    def _give_back(self, tx: Transaction, standings: Sequence[Standing]) -> None:
        again, used_up = [], []
        for standing in standings:
            source = self._namespace.sources.get(standing.path)
            limit = source.max_delivery_count if source is not None else None
            if limit is not None and standing.deliveries >= limit:
                description = f"delivered {standing.deliveries} times; {limit} are allowed"
                used_up.append((standing, MAX_DELIVERY_COUNT_EXCEEDED, description))
            else:
                again.append(standing)
        self._unlock(tx, again, uncounted=0)
        if used_up:
            self.move(tx, used_up)

    def _unlock(self, tx: Transaction, standings: Sequence[Standing], *, uncounted: int) -> None:
        keys, places, instants = [], set[Place](), []
        for standing in standings:
            is_deferred = standing.state == State.DEFERRED_LOCKED
            state = State.DEFERRED if is_deferred else State.ACTIVE
            keys.append((state, uncounted, standing.path, standing.number))
            if not is_deferred:
                places.add((standing.path, standing.session))
                instants += [] if standing.expires_at is None else [standing.expires_at]
        tx.driver.executemany(sql.UNLOCK, keys)
        self._signals.after(tx, places, min(instants, default=None))


def last_to_look_at(tx: Transaction, demand: Demand, place: Sequence[str]) -> int | None:
    """Many expired messages that nobody has swept yet are not passed all in one transaction."""
    if not tx.driver.execute(sql.OVERDUE, (demand.now,)).fetchall():
        return None
    statement = sql.NTH_ACTIVE if demand.session is None else sql.NTH_ACTIVE_IN_SESSION
    rows = tx.driver.execute(statement, (*place, demand.after, LOOKED_AT_AT_ONCE)).fetchall()
    return int(rows[0][0]) if rows else None


def length(body: bytes, attributes: str | None) -> int:
    return len(body) + len(attributes or "")


def session_lost(session: str) -> SessionLockLostError:
    return SessionLockLostError(f"the lock of session {session!r} has expired")
