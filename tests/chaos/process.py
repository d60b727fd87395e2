"""An engine whose process can be struck: killed, or frozen and thawed, before or after whatever outlives it.

Between two of these points it does nothing that anybody else can see, so they are all that a crash can tell apart.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from shared.errors import MessageLockLostError
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import EXECUTIONS, TOCSIN_QUEUES
from shared.messaging.message import ReceivedMessage
from shared.messaging.wake_up import WakeUp
from shared.scheduler.action import Attempt, Outcome, Poll
from shared.scheduler.executions import Executions
from shared.scheduler.limits import Limits
from shared.scheduler.recording import Recorder
from shared.scheduler.retry import Retries
from shared.scheduler.starting import Starter
from shared.sql.database import Database, GroupWork, Item, Value, Work
from shared.sql.inline import InlineDatabase
from tests.clocks import FakeClock, settle
from tests.shared.scheduler.engine_stack import build_stack

RETRIES = Retries(count=4, interval=timedelta(seconds=30))
POLLED_EVERY = timedelta(seconds=50)
COLLECTION = 1
"""The id of the one that every file has."""


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass
class Life:
    """Counts the points that a process passes, and strikes before the one numbered `strikes_at`, counted from 0."""

    strikes_at: int | None = None
    is_frozen_by_it: bool = False
    lets_others_run: Callable[[], int] = lambda: 0
    passed: int = 0
    is_struck: bool = False
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    async def point(self) -> None:
        """Die or stand still if it is time, and at every point after that."""
        await settle(self.lets_others_run())
        if self.passed == self.strikes_at:
            self.is_struck = True
        self.passed += 1
        if self.is_struck and not self.is_frozen_by_it:
            raise Killed
        if self.is_struck:
            await self.thawed.wait()


class MortalDatabase:
    """A real database, reached by a process that may be struck."""

    def __init__(self, database: Database, life: Life) -> None:
        self._database = database
        self._life = life

    async def run(self, work: Work[Value]) -> Value:
        await self._life.point()
        value = await self._database.run(work)
        await self._life.point()
        return value

    async def run_grouped(self, work: GroupWork[Item, Value], item: Item) -> Value:
        await self._life.point()
        value = await self._database.run_grouped(work, item)
        await self._life.point()
        return value

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        return await self._database.read(query, is_short=is_short)

    async def close(self) -> None:
        await self._database.close()


@dataclass(frozen=True, slots=True)
class Reached:
    """An attempt that the target saw, or a poll of it."""

    attempt: Attempt
    at: datetime


@dataclass
class Target:
    """The world outside: it outlives every process, and answers an attempt that is repeated as it did before.

    A process calls it as often at once as there are places.
    """

    fails: Callable[[Attempt], bool]
    takes: Callable[[Attempt], timedelta] = lambda _: timedelta(0)
    polls: int = 0
    """So often it accepts an attempt, or says that it has not finished, before it answers."""
    places: int = 1000
    calls: list[Reached] = field(default_factory=list)
    answers_at: set[datetime] = field(default_factory=set)

    def outcome(self, attempt: Attempt) -> Outcome:
        polled = int((attempt.poll_uri or "0").rpartition("/")[2])
        if polled < self.polls:
            poll = Poll(uri=f"http://target.example/{polled + 1}", after=POLLED_EVERY)
            return Outcome(is_success=False, message="accepted", poll=poll)
        return Outcome(is_success=not self.fails(attempt), message="answered")


@dataclass
class MortalAction:
    """Reaches the target from a process that may be struck before it and before it has the answer."""

    target: Target
    life: Life
    clock: FakeClock

    async def execute(self, attempt: Attempt) -> Outcome:
        await self.life.point()
        self.target.calls.append(Reached(attempt, self.clock.now()))
        answers_at = self.clock.now() + self.target.takes(attempt)
        self.target.answers_at.add(answers_at)
        await self.clock.sleep_until(answers_at)
        await self.life.point()
        return self.target.outcome(attempt)

    async def close(self) -> None:
        """There is nothing to close."""


class Process:
    """Everything that one process has, on the file that it shares with those before and after it."""

    def __init__(
        self,
        path: Path,
        clock: FakeClock,
        target: Target,
        *,
        life: Life,
        new_id: Callable[[], str],
        horizon: timedelta = timedelta(0),
    ) -> None:
        self.life = life
        self.database = InlineDatabase(path)
        self.broker = EmbeddedBroker(self.database, clock=clock, queues=TOCSIN_QUEUES)
        self.receiver = self.broker.receiver(EXECUTIONS)
        mortal = MortalDatabase(self.database, life)
        self.stack = build_stack(mortal, clock, broker=self.broker, new_id=new_id, horizon=horizon)
        self.stack.collection_id = COLLECTION
        self._tasks: set[asyncio.Task[None]] = set()
        limits = Limits(attempts_per_host=target.places, starts_per_second=1000)
        self.executions = Executions(
            mortal,
            MortalAction(target, life, clock),
            starter=Starter(self.stack.store, self.stack.outgoing, limits),
            recorder=Recorder(self.stack.store, self.stack.outgoing, retries=RETRIES),
            outgoing=self.stack.outgoing,
            clock=clock,
        )

    async def open(self) -> None:
        """Make the test quicker: a process dies here, and the machine lives on."""
        await self.database.read(lambda c: c.exec_driver_sql("PRAGMA synchronous=OFF"))

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Have `work` go on beside everything else."""
        self._tasks.add(asyncio.create_task(work))

    def is_busy(self) -> bool:
        """Whether anything goes on; raises what went wrong with it, but for a death."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.remove(task)
            if not isinstance(task.exception(), Killed):
                task.result()
        return bool(self._tasks)

    async def own(self) -> None:
        """Do what the sole owner of a file does first."""
        await self.stack.database.run(self.broker.free_locks)
        await self.stack.sweep.free_leases(self.stack.clock.now())

    async def tick(self) -> None:
        await self.stack.ticker.tick()

    async def sweep(self) -> None:
        await self.stack.sweep.run_once(self.stack.clock.now())

    async def work(self) -> None:
        """Follow every wake-up that is there, all of them at once."""
        await self.life.point()
        for message in await self.receiver.receive(max_messages=100, max_wait=timedelta(0)):
            self.spawn(self._follow(message))

    async def _follow(self, message: ReceivedMessage) -> None:
        """Do what a queue function and its host do with a message."""
        await self.executions.run(WakeUp.decode(message.message.body))
        await self.life.point()
        with suppress(MessageLockLostError):  # it took too long, and is somebody else's by now
            await self.receiver.complete(message)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.broker.close()
        await self.database.close()
