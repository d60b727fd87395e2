"""Who waits for messages of which entity or session, and how they get them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from shared.clock import Clock, to_microseconds
from shared.errors import NotFoundError, PermanentError, TransientError
from shared.messaging.embedded.envelope import Delivery, SessionLock, read_token
from shared.messaging.embedded.namespace import Source
from shared.messaging.embedded.rows import Row, delivered
from shared.messaging.embedded.schema import UNTIL_RELEASED
from shared.messaging.embedded.sessions import Sessions
from shared.messaging.embedded.settling import Demand, Held, Settling, session_lost
from shared.messaging.embedded.signals import Place
from shared.messaging.embedded.waiting import WaitingLine
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

Line = WaitingLine[Delivery]


class Receiving:
    """`look` is called before the first message is taken: to see what an earlier process left."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        settling: Settling,
        sessions: Sessions,
        look: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._settling = settling
        self._sessions = sessions
        self._look = look
        self._lines: dict[Place, Line] = {}
        self._undeliveries: set[asyncio.Task[None]] = set()

    def line(self, source: Source, session: SessionLock | None) -> Line:
        """Raises PermanentError when the entity requires a session and none is given, or the other way round."""
        self.check_session(source, session)
        place = (source.path, None if session is None else session.session_id)
        line = self._lines.get(place)
        if line is None:
            line = WaitingLine(
                partial(self._take, source, session), partial(self._undeliver, source)
            )
            self._lines[place] = line
            if session is not None:
                self._sessions.on_end(session, partial(self._end, place))
        return line

    def check_session(self, source: Source, session: SessionLock | None) -> None:
        """Raises PermanentError as `line` does, and SessionLockLostError."""
        if source.requires_session != (session is not None):
            what = "requires sessions" if source.requires_session else "knows no sessions"
            raise PermanentError(f"{source.path!r} {what}", code="InvalidOperation")
        if session is not None:
            if session.path != source.path:
                raise session_lost(session.session_id)
            self._sessions.check(session)

    def arrived(self, places: Iterable[Place]) -> None:
        for place in places:
            line = self._lines.get(place)
            path, session_id = place
            if line is not None:
                line.arrived()
            elif session_id is not None:
                self._sessions.arrived(path, session_id)

    async def close(self) -> None:
        for line in list(self._lines.values()):
            await line.close()
        await asyncio.gather(*self._undeliveries)

    async def deferred(
        self, source: Source, numbers: Sequence[int], session: SessionLock | None
    ) -> list[Delivery]:
        """Raises NotFoundError when one of them is not deferred here, or its time is over, and then locks none."""
        self.check_session(source, session)
        self._look()
        demand, locked_until = self._demand(source, session, len(numbers))

        def take(tx: Transaction) -> list[Row] | None:
            # What has expired is gone although nothing is locked then.
            if self._settling.expire_deferred(tx, demand, numbers):
                return None
            return self._settling.lock_deferred(tx, demand, numbers)

        rows = await self._database.run(take)
        if rows is None:
            raise NotFoundError(
                f"the time of deferred messages of {source.path!r} is over", code="MessageNotFound"
            )
        return [delivered(row, source, locked_until) for row in rows]

    async def _take(
        self, source: Source, session: SessionLock | None, wanted: int
    ) -> list[Delivery]:
        self._look()
        demand, locked_until = self._demand(source, session, wanted)
        taken = await self._database.run_grouped(self._settling.lock, demand)
        while taken.cut_at is not None and not taken.rows:
            demand = replace(demand, after=taken.cut_at)
            taken = await self._database.run_grouped(self._settling.lock, demand)
        if taken.cut_at is not None:  # there may be more behind
            self.arrived([(source.path, demand.session_id)])
        return [delivered(row, source, locked_until) for row in taken.rows]

    def _demand(
        self, source: Source, session: SessionLock | None, wanted: int
    ) -> tuple[Demand, int]:
        now = to_microseconds(self._clock.now())
        if session is None:
            return Demand(source, wanted, now, now + source.lock), now + source.lock
        demand = Demand(source, wanted, now, UNTIL_RELEASED, session)
        return demand, session.locked_until

    def _undeliver(self, source: Source, deliveries: Sequence[Delivery]) -> None:
        task = asyncio.create_task(self._take_back(source, deliveries))
        self._undeliveries.add(task)
        task.add_done_callback(self._undeliveries.discard)

    async def _take_back(self, source: Source, deliveries: Sequence[Delivery]) -> None:
        now = to_microseconds(self._clock.now())
        for delivery in deliveries:
            held = Held(source, *read_token(delivery.lock_token), now)
            try:
                await self._database.run_grouped(self._settling.release, held)
            except TransientError:  # then the lock ends by itself
                logger.warning("messages stay locked", extra={"action": "undeliver"})

    def _end(self, place: Place) -> None:
        self._lines.pop(place).end()
