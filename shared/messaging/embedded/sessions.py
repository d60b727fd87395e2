"""Who holds which session. The locks live in memory and die with the process; messages and states are on disk.

A session whose lock has ended stays taken until a transaction has given back what was delivered in it, so that whoever
holds it next receives everything in order.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from shared.clock import Clock, to_microseconds
from shared.errors import SessionCannotBeLockedError, TransientError
from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.envelope import SessionLock
from shared.messaging.embedded.namespace import Source
from shared.messaging.embedded.settling import Settling, session_lost
from shared.messaging.embedded.waiting import Visitor, WaitingLine
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

Key = tuple[str, str]


@dataclass(slots=True)
class Held:
    """A lock, what to do when it ends, and whether it has; `freed` is set when the session can be locked again."""

    lock: SessionLock
    on_end: list[Callable[[], None]] = field(default_factory=list)
    is_over: bool = False
    freed: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """`wait_until` arms the timer that calls `run_due`."""

    def __init__(self, database: Database, clock: Clock, wait_until: Callable[[int], None]) -> None:
        self._database = database
        self._clock = clock
        self._wait_until = wait_until
        self._held: dict[Key, Held] = {}
        self._lines: dict[str, WaitingLine[SessionLock]] = {}
        self._last: dict[str, str] = {}
        self._visitor = Visitor(clock)

    async def accept(
        self, source: Source, *, session_id: str | None, max_wait: timedelta | None
    ) -> SessionLock:
        if session_id is not None:
            return await self._accept_named(source, session_id)
        locks = await self._visitor.wait(self._line(source), 1, max_wait)
        if not locks:
            raise SessionCannotBeLockedError(
                f"no session of {source.path!r} is free and has messages"
            )
        return locks[0]

    def renew(self, lock: SessionLock, source: Source) -> int:
        """Raises SessionLockLostError."""
        self.check(lock)
        lock.locked_until = self._now() + source.lock
        return lock.locked_until

    def check(self, lock: SessionLock) -> None:
        """Raises SessionLockLostError."""
        if not self.is_live(lock, self._now()):
            raise session_lost(lock.session_id)

    def is_held(self, path: str, session_id: str, now: int) -> bool:
        held = self._held.get((path, session_id))
        return held is not None and self._lasts(held, now)

    def is_live(self, lock: SessionLock, now: int) -> bool:
        held = self._held.get((lock.path, lock.session_id))
        return held is not None and held.lock is lock and self._lasts(held, now)

    def on_end(self, lock: SessionLock, callback: Callable[[], None]) -> None:
        """Call back when the lock ends, however that comes."""
        self._held[lock.path, lock.session_id].on_end.append(callback)

    async def release(self, lock: SessionLock, settling: Settling) -> None:
        """End the lock, if it has not ended."""
        held = self._held.get((lock.path, lock.session_id))
        if held is None or held.lock is not lock:
            return
        self._end(held)
        self._wait_until(self._now())  # should the transaction fail
        await self._database.run(partial(self._free, settling=settling, ended=[held]))

    def arrived(self, path: str, session_id: str) -> None:
        """There are active messages in a session."""
        line = self._lines.get(path)
        if line is not None and (path, session_id) not in self._held:
            line.arrived()

    def run_due(self, tx: Transaction, settling: Settling, now: int) -> int | None:
        """End the locks that are over; returns when the next one is."""
        ended = [held for held in self._held.values() if not self._lasts(held, now)]
        for held in ended:
            self._end(held)
            held.lock.lost.set()
        self._free(tx, settling, ended)
        live = (one.lock.locked_until for one in self._held.values() if not one.is_over)
        return min(live, default=None)

    async def close(self, settling: Settling) -> None:
        for line in self._lines.values():
            await line.close()
        ended = list(self._held.values())
        for held in ended:
            self._end(held)
        if ended:
            try:
                await self._database.run(partial(self._free, settling=settling, ended=ended))
            except TransientError:  # whoever opens the file next frees them
                logger.warning("sessions stay locked", extra={"action": "close_sessions"})

    async def _accept_named(self, source: Source, session_id: str) -> SessionLock:
        while (held := self._held.get((source.path, session_id))) is not None:
            now = self._now()
            if self._lasts(held, now):
                raise SessionCannotBeLockedError(
                    f"somebody else holds session {session_id!r} of {source.path!r}"
                )
            self._wait_until(now)
            await held.freed.wait()
        return self._hold(source, session_id)

    def _free(self, tx: Transaction, settling: Settling, ended: Sequence[Held]) -> None:
        for held in ended:
            settling.free_session(tx, held.lock.path, held.lock.session_id)
            tx.on_commit(partial(self._forget, held))

    def _forget(self, held: Held) -> None:
        key = held.lock.path, held.lock.session_id
        if self._held.get(key) is held:
            del self._held[key]
            held.freed.set()
            self.arrived(*key)

    def _end(self, held: Held) -> None:
        if not held.is_over:
            held.is_over = True
            for callback in held.on_end:
                callback()

    def _lasts(self, held: Held, now: int) -> bool:
        return not held.is_over and held.lock.locked_until > now

    def _hold(self, source: Source, session_id: str) -> SessionLock:
        lock = SessionLock(source.path, session_id, self._now() + source.lock)
        self._held[source.path, session_id] = Held(lock)
        self._wait_until(lock.locked_until)
        return lock

    def _line(self, source: Source) -> WaitingLine[SessionLock]:
        line = self._lines.get(source.path)
        if line is None:
            line = WaitingLine(partial(self._take, source), self._give_back)
            self._lines[source.path] = line
        return line

    async def _take(self, source: Source, wanted: int) -> list[SessionLock]:
        free = await self._database.read(
            lambda connection: self._free_sessions(connection, source.path, wanted), is_short=True
        )
        return [
            self._hold(source, session_id)
            for session_id in free
            if (source.path, session_id) not in self._held
        ]

    def _free_sessions(self, connection: Connection, path: str, wanted: int) -> list[str]:
        """Return sessions that have messages, in turn: after the one that was given out last, and from the start."""
        free: list[str] = []
        last = self._last.get(path, "")
        after, is_second_round = last, False
        while len(free) < wanted:
            row = connection.exec_driver_sql(sql.NEXT_ACTIVE_SESSION, (path, after)).first()
            if row is None or (is_second_round and row[0] > last):
                if is_second_round or not last:
                    break
                after, is_second_round = "", True
                continue
            after = row[0]
            if (path, after) not in self._held:
                free.append(after)
        if free:
            self._last[path] = free[-1]
        return free

    def _give_back(self, locks: Sequence[SessionLock]) -> None:
        """Nobody waits for them any more, and nothing was delivered in them."""
        for lock in locks:
            held = self._held.get((lock.path, lock.session_id))
            if held is not None and held.lock is lock:
                self._end(held)
                self._forget(held)

    def _now(self) -> int:
        return to_microseconds(self._clock.now())
