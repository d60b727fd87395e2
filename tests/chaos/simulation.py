"""An engine on one file whose processes are struck and replaced until everything that was asked of it has ended."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection

from shared.clock import from_microseconds, to_microseconds
from tests.chaos.changes import Change
from tests.chaos.ledger import Ledger, read_rows
from tests.chaos.process import Life, Process, Target
from tests.clocks import START, FakeClock, settle

SWEEP_EVERY = timedelta(seconds=30)
MANY_STEPS = 500
QUIET_TURNS = 12
"""Of the event loop; a message takes fewer from the queue to whoever waits for it."""
NOT_ENDED = (
    "SELECT 'execution ' || id FROM execution WHERE ended_at IS NULL"
    " UNION ALL SELECT 'job ' || name FROM job WHERE state IN ('enabled', 'disabled')"
)
JOBS = (
    "SELECT job.id, job.state, timing.*,"
    " '/cloudservices/Cs1/jobcollections/Jc1/jobs/' || job.name AS subject"
    " FROM job JOIN job_timing AS timing ON timing.job_id = job.id"
)
INSTANTS = (
    "SELECT next_occurrence FROM job_timing"
    " UNION ALL SELECT due_at FROM execution WHERE due_at > {after}"
    " UNION ALL SELECT max(sweep_at, {swept_at}) FROM execution WHERE sweep_at IS NOT NULL"
    " UNION ALL SELECT until FROM message WHERE until > {after}"
    " UNION ALL SELECT {swept_at} FROM outgoing"
)
SKIPPED = f"SELECT skipped.*, subject FROM skipped JOIN ({JOBS}) AS job ON job.id = skipped.job_id"


class Way(Enum):
    """What becomes of a process that is struck, and what its successor may do."""

    OWNER = "killed, and the next one owns the file: it frees what was held"
    NEIGHBOUR = "killed, and the next one is one of several: locks and leases run out"
    PAUSE = "frozen for less than a lease, while another one works"
    ABSENCE = "frozen for more than a lease, while another one works"


FROZEN_FOR = {Way.PAUSE: timedelta(seconds=40), Way.ABSENCE: timedelta(seconds=120)}


@dataclass
class Simulation:
    """`changes` are what callers ask for, each as soon as its time has come, until a process has done it."""

    path: Path
    target: Target
    way: Way
    changes: list[tuple[timedelta, Change]] = field(default_factory=list)
    horizon: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.strikes = 0
        self._numbers = itertools.count(1)
        self._swept_at = self._thawed_at = self.clock.now()
        self._frozen: list[tuple[datetime, Process]] = []

    async def run(self, lives: Iterator[Life]) -> Ledger:
        """Let a process have each of the lives in turn; the last one is to last."""
        process = await self._process(next(lives))
        for _ in range(MANY_STEPS):
            process.spawn(self._turn(process))
            await self._quiet(process)
            if process.life.is_struck:
                await self._strike(process)
                process = await self._process(next(lives))
                process.spawn(self._begin(process))
                continue
            await self._thaw()
            if not self._frozen and await self._has_ended(process):
                break
            await self._check_turn(process)
            await self.clock.advance(await self._until_next(process))
        else:
            raise AssertionError(await process.database.read(not_ended))
        return await self._close(process)

    async def _process(self, life: Life) -> Process:
        life.is_frozen_by_it = self.way in FROZEN_FOR
        process = Process(
            self.path,
            self.clock,
            self.target,
            life=life,
            new_id=lambda: f"x{next(self._numbers)}",
            horizon=self.horizon,
        )
        await process.open()
        return process

    async def _begin(self, process: Process) -> None:
        if self.way is Way.OWNER:
            await process.own()
        await process.sweep()

    async def _turn(self, process: Process) -> None:
        await process.tick()
        for change in [one for one in self.changes if START + one[0] <= self.clock.now()]:
            await change[1](process.stack)
            if change in self.changes:  # another process may have made it meanwhile
                self.changes.remove(change)
        if self.clock.now() - self._swept_at >= SWEEP_EVERY:
            self._swept_at = self.clock.now()
            await process.sweep()
        await process.work()

    async def _strike(self, process: Process) -> None:
        self.strikes += 1
        if self.way in FROZEN_FOR:
            self._frozen.append((self.clock.now() + FROZEN_FOR[self.way], process))
        else:
            await process.close()

    async def _thaw(self) -> None:
        for thaws_at, process in [one for one in self._frozen if one[0] <= self.clock.now()]:
            if not process.life.thawed.is_set():
                self._thawed_at = self.clock.now()
                process.life.thawed.set()
            await self._quiet(process)
            if not process.is_busy():
                self._frozen.remove((thaws_at, process))
                await process.close()

    async def _quiet(self, process: Process) -> None:
        """Wait until the process waits for time to pass, if it is not done."""
        before = -1
        while process.is_busy() and before != process.life.passed:
            before = process.life.passed
            await settle(QUIET_TURNS)

    async def _has_ended(self, process: Process) -> bool:
        return not process.is_busy() and not await process.database.read(not_ended)

    async def _until_next(self, process: Process) -> timedelta:
        """Return how long nothing happens from now on."""
        now = self.clock.now()
        sweep_at = self._swept_at + SWEEP_EVERY
        stored = await process.database.read(lambda c: instants(c, after=now, swept_at=sweep_at))
        coming = [
            *stored,
            *self.target.answers_at,
            *(START + after for after, _ in self.changes),
            *(thaws_at for thaws_at, _ in self._frozen),
        ]
        return min((one for one in coming if one > now), default=sweep_at) - now

    async def _check_turn(self, process: Process) -> None:
        """Assert that nothing is stuck: whatever has not ended will be looked at, and was if it had to be."""
        if self._thawed_at >= self._swept_at or self._frozen:
            return  # who was away writes instants that have passed
        swept_at = to_microseconds(self._swept_at)
        found = await process.database.read(
            lambda c: read_rows(
                c,
                "SELECT id, due_at, sweep_at FROM execution WHERE ended_at IS NULL"
                f" AND (due_at IS NULL OR sweep_at IS NULL OR sweep_at <= {swept_at})",
            )
        )
        assert found == []

    async def _close(self, process: Process) -> Ledger:
        process.life.strikes_at = None
        told = await process.stack.told()
        ledger = await process.database.read(
            lambda c: Ledger(
                executions=read_rows(c, "SELECT * FROM execution"),
                history=read_rows(c, "SELECT * FROM history"),
                jobs=read_rows(c, JOBS),
                skipped=read_rows(c, SKIPPED),
                told=told,
                calls=self.target.calls,
                strikes=self.strikes,
                accepts=self.target.polls > 0,
                has_zombies=self.way in FROZEN_FOR,
            )
        )
        await process.close()
        return ledger


def instants(connection: Connection, *, after: datetime, swept_at: datetime) -> list[datetime]:
    """Return when rows and messages will be due, and when sweep will find what it has to look at."""
    query = INSTANTS.format(after=to_microseconds(after), swept_at=to_microseconds(swept_at))
    found = [row[0] for row in connection.exec_driver_sql(query)]
    return [from_microseconds(one) for one in found if one is not None]


def not_ended(connection: Connection) -> list[str]:
    return [row[0] for row in connection.exec_driver_sql(NOT_ENDED)]
