"""The engine: claims what is due.

A tick claims, up to 500 jobs a transaction, every job whose next occurrence comes before now and the horizon: one
execution each, unique for job, generation, origin and occurrence, the job's next occurrence, and the wake-up, in one
commit. There is no leader; who comes second finds nothing.

Resident, the horizon is 0 and the engine sleeps until the next occurrence. On a timer it looks further ahead than the
timer's period, and the queue holds the wake-ups, so that the timer may be late.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import TransientError
from shared.scheduler.claiming import Claims, Tick
from shared.scheduler.outgoing import Outgoing
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

LONGEST_SLEEP = timedelta(seconds=1)
"""Another process may have written what is due sooner."""
TIMER_HORIZON = timedelta(seconds=90)
"""Three periods of the timer."""


class Ticker:
    """One tick after another, until nothing is due."""

    def __init__(
        self,
        database: Database,
        claims: Claims,
        *,
        outgoing: Outgoing,
        clock: Clock,
        horizon: timedelta,
    ) -> None:
        self._database = database
        self._claims = claims
        self._outgoing = outgoing
        self._clock = clock
        self._horizon = horizon

    async def tick(self) -> datetime | None:
        """Claim what is due before now and the horizon; returns the next occurrence after that."""
        has_told = False
        while True:
            tick = await self._database.run(self._tick)
            has_told = has_told or tick.has_told
            if tick.is_last:
                break
        if has_told:
            await self._send()
        return tick.next_occurrence

    async def planned(self, occurrence: datetime) -> None:
        """Claim what a change has planned if it may be due before the timer is."""
        if occurrence < self._clock.now() + self._horizon:
            await self.tick()

    async def _send(self) -> None:
        try:
            await self._outgoing.send()
        except TransientError as error:  # what was claimed stands, and sweep sends it
            logger.warning("events are sent later: %s", error, extra={"action": "tell"})

    def _tick(self, tx: Transaction) -> Tick:
        now = self._clock.now()
        return self._claims.claim(tx, now=now, until=now + self._horizon)


class ResidentEngine:
    """Runs in a process that stays."""

    def __init__(self, ticker: Ticker, clock: Clock) -> None:
        self._ticker = ticker
        self._clock = clock
        self._next_tick = clock.now()
        self._is_sooner = asyncio.Event()

    async def planned(self, occurrence: datetime) -> None:
        """Tick again if a change has planned something for before the next tick."""
        if occurrence < self._next_tick:
            self._is_sooner.set()

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            self._is_sooner.clear()
            # Until it is known; what a tick has not seen is compared with it.
            self._next_tick = self._clock.now() + LONGEST_SLEEP
            try:
                following = await self._ticker.tick()
            except TransientError as error:
                logger.warning("tick failed: %s", error, extra={"action": "tick"})
                following = None
            except Exception:  # a bug in one tick must not stop all jobs
                logger.exception("tick failed", extra={"action": "tick"})
                following = None
            if following is not None:
                self._next_tick = min(self._next_tick, following)
            await self._sleep()

    async def _sleep(self) -> None:
        """Sleep until the next tick, not long, and not through a change that brings it forward."""
        wait = self._next_tick - self._clock.now()
        sleeping = asyncio.ensure_future(self._clock.sleep(min(wait, LONGEST_SLEEP)))
        waiting = asyncio.ensure_future(self._is_sooner.wait())
        try:
            await asyncio.wait((sleeping, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waiting.cancel()
