"""Connectors that share a database, the real Scheduler service behind a line that fails, and a clock that stands still.

A connector is the objects of one process. It dies at a point chosen beforehand, before or after any transaction or
call, and another one takes its place; what it held ends as it would after a real death. On SQLite there is one at a
time, which owns the file and the queues in it; on PostgreSQL there are two, with queues apart from their database.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from shared.client.memory import MemorySchedulerClient
from shared.client.scheduler import RestRequest, RestResponse, SchedulerClient
from shared.connector.operations import Operation
from shared.connector.rejection import QueueMessage
from shared.errors import ConflictError, MessageLockLostError
from shared.messaging.broker import Receiver
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import COMMANDS, OPERATIONS
from shared.messaging.message import ReceivedMessage
from shared.messaging.wake_up import WakeUp
from shared.sql.inline import InlineDatabase
from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.chaos.failing_line import FailingLine, Fault, StormClock
from tests.shared.connector.killing import Countdown, Killed, MortalClient, MortalDatabase
from tests.shared.connector.servers import OtherServerClient
from tests.shared.connector.world import World, assemble, migrated
from tests.shared.scheduler.scheduler_stack import Stack

SECOND = timedelta(seconds=1)
LONGEST = 1800
SWEEP_EVERY = 30
AT_ONCE = 3
MOST_FAULTS = 10
IDS_OF_A_LIFE = 10_000
LIVES = 10_000
Value = TypeVar("Value")


class DiedError(Exception):
    """The process did, and another has taken its place."""


class Process:
    """A connector that may die, and those that take its place."""

    def __init__(self, build: Callable[[Countdown, int], World], number: int) -> None:
        self._build = build
        self._life = number * LIVES
        self.countdown = Countdown()
        self.world = self._next()

    async def replace(self) -> None:
        """Let go of the dead one's database, and build another."""
        self.countdown.left = None
        await self.world.database.close()
        self.world = self._next()

    def _next(self) -> World:
        self._life += 1
        return self._build(self.countdown, self._life * IDS_OF_A_LIFE)


class Storm(ABC):
    """Everything of one example; `accepted` has the command of each operation, `rejected` counts the messages
    that were, and of those that are `uncertain` a process that died may have sent the request."""

    def __init__(self, stack: Stack, *, recognises_repeats: bool) -> None:
        assert isinstance(stack.clock, StormClock)
        self.stack = stack
        self.clock = stack.clock
        self.line = FailingLine(stack, recognises_repeats=recognises_repeats, spares=self.is_hasty)
        self.accepted: dict[str, dict[str, Any]] = {}
        self.rejected = 0
        self.uncertain: set[str] = set()
        self.processes: Sequence[Process] = ()
        self._messages = 0
        self._following: dict[asyncio.Task[None], Process] = {}

    @property
    @abstractmethod
    def broker(self) -> EmbeddedBroker:
        """Where the wake-ups are."""

    @abstractmethod
    async def revive(self, process: Process) -> None:
        """Do what a new process does first, in the place of a dead one."""

    def is_hasty(self, name: str) -> bool:
        """Whether an operation is to be carried out soon or not at all."""
        return "deadline" in self.accepted.get(name, {})

    def fail(self, faults: Sequence[Fault]) -> None:
        """Let these strike before those that wait to; more than a few at once would only take time."""
        self.line.faults[:] = [*faults, *self.line.faults][:MOST_FAULTS]

    async def live(self, process: Process, act: Callable[[World], Awaitable[Value]]) -> Value:
        """Let a process act. Raises DiedError."""
        try:
            return await act(process.world)
        except Killed as death:
            await self._die(process)
            await self._note_leased(process)
            await self.revive(process)
            await self._note_leased(process)  # what it had begun to commit is committed by now
            raise DiedError from death

    async def survive(self, process: Process, act: Callable[[World], Awaitable[Value]]) -> Value:
        """Let it act again until it has not died of that: what a client or a queue does that got no answer."""
        while True:
            try:
                return await self.live(process, act)
            except DiedError:
                continue

    async def accept_request(
        self, process: Process, messages: Sequence[dict[str, Any]], *, key: str
    ) -> list[str]:
        """Ask over HTTP; returns the ids of the operations."""

        async def act(world: World) -> list[Operation]:
            return await world.accept(*messages, key=key)

        return self._note(messages, await self.survive(process, act))

    async def accept_message(
        self, process: Process, messages: Sequence[dict[str, Any]], *, key: str
    ) -> list[str]:
        """Send to the queue; returns the ids of the operations, none when the message was rejected."""
        self._messages += 1
        message = QueueMessage(
            body=json.dumps(messages).encode(),
            queue=COMMANDS,
            sequence_number=self._messages,
            message_id=key,
        )

        async def act(world: World) -> list[Operation]:
            return await world.connector.accept_message(message)

        operations = await self.survive(process, act)
        self.rejected += not operations
        return self._note(messages, operations) if operations else []

    async def step(
        self, process: Process, *, times: int = 1, is_lost: bool = False, at_once: int = 1
    ) -> bool:
        """Take wake-ups and follow them, as often as they are delivered; or lose them on the way. False without any.

        A queue keeps no order: of those taken at once the last comes first. Whoever follows one goes on beside
        everything else when that takes time.
        """
        world, receiver = process.world, self.broker.receiver(OPERATIONS)
        received = await receiver.receive(max_messages=at_once, max_wait=timedelta())
        for message in reversed(received):
            if process.world is not world:
                break  # it died with these in its hands
            work = asyncio.create_task(
                self._follow(process, receiver, message, times=0 if is_lost else times)
            )
            self._following[work] = process
            await self.clock.until_held(work)
            self._reap()
        return bool(received)

    async def _follow(
        self, process: Process, receiver: Receiver, message: ReceivedMessage, *, times: int
    ) -> None:
        wake_up = WakeUp.decode(message.message.body)
        try:
            for _ in range(times):
                await self.live(process, lambda world: world.connector.execute(wake_up))
        except DiedError:
            return  # nobody completes its message, which comes again
        with suppress(MessageLockLostError):  # it took so long that the message comes again
            await receiver.complete(message)

    def _reap(self) -> None:
        """Raise what went wrong besides deaths."""
        for work in [one for one in self._following if one.done()]:
            del self._following[work]
            if not work.cancelled():
                work.result()

    async def _die(self, process: Process) -> None:
        """End what a process does besides."""
        others = [
            work
            for work, by in self._following.items()
            if by is process and work is not asyncio.current_task()
        ]
        for work in others:
            work.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def cancel(self, process: Process, name: str) -> None:
        """Cancel an operation if it can be."""

        async def act(world: World) -> None:
            try:
                await world.connector.cancel(name)
            except ConflictError:
                return

        await self.survive(process, act)

    async def sweep(self, process: Process) -> None:
        await self.survive(process, lambda world: world.connector.sweep())

    async def calm(self) -> None:
        """Nothing new comes, what is to fail does: work until every operation has ended and nothing is under way.

        Raises:
            AssertionError: that does not come within half an hour.
        """
        for second in range(LONGEST):
            await self.stack.work()
            for process in self.processes:
                while await self.step(process, at_once=AT_ONCE):
                    pass
            is_over = not (await self.unfinished() or self.line.under_way or self._following)
            if second % SWEEP_EVERY == 0 or is_over:
                await self.sweep(self.processes[0])
            if is_over:
                self._end()
                return
            await self.clock.advance(SECOND)
            self._reap()
        raise AssertionError(f"never ended: {await self.unfinished()}")

    def _end(self) -> None:
        self.line.faults.clear()
        for process in self.processes:
            process.countdown.left = None

    async def unfinished(self) -> list[str]:
        return await self._ids("WHERE finished_at IS NULL")

    async def in_order(self) -> list[str]:
        """Return the ids of all operations in the order of their acceptance."""
        return await self._ids("ORDER BY number")

    async def _ids(self, condition: str) -> list[str]:
        rows = await self.processes[0].world.rows(f"SELECT id FROM operation {condition}")
        return [row[0] for row in rows]

    async def _note_leased(self, process: Process) -> None:
        rows = await process.world.rows("SELECT id FROM operation WHERE lease_until IS NOT NULL")
        self.uncertain.update(row[0] for row in rows)

    def _note(
        self, messages: Sequence[dict[str, Any]], operations: Sequence[Operation]
    ) -> list[str]:
        names = [operation.id for operation in operations]
        self.accepted.update(zip(names, messages, strict=True))
        return names


class SqliteStorm(Storm):
    """One connector at a time, on a file with the queues in it."""

    def __init__(
        self,
        stack: Stack,
        path: Path,
        *,
        recognises_repeats: bool = True,
        numbers: Iterator[int] | None = None,
    ) -> None:
        """`numbers` make the ids of its operations, in place of those of each process."""
        super().__init__(stack, recognises_repeats=recognises_repeats)

        def build(countdown: Countdown, first_id: int) -> World:
            client, seen = mortal(self, countdown)
            return assemble(
                InlineDatabase(path),
                client,
                stack.clock,
                numbers=numbers or count(first_id),
                seen=seen,
            )

        self.processes = [Process(build, 1)]

    @property
    def broker(self) -> EmbeddedBroker:
        return self.processes[0].world.broker

    async def revive(self, process: Process) -> None:
        await process.world.broker.close()
        await process.replace()
        await process.world.database.run(process.world.broker.free_locks)
        await process.world.connector.free_leases()
        await process.world.connector.sweep()


class PostgresStorm(Storm):
    """Two connectors side by side; what a dead one held is free when its locks and leases are over."""

    def __init__(self, stack: Stack, url: str, broker: EmbeddedBroker) -> None:
        super().__init__(stack, recognises_repeats=True)
        self._broker = broker

        def build(countdown: Countdown, first_id: int) -> World:
            client, seen = mortal(self, countdown)
            database = PostgresDatabase(url)
            return assemble(
                database, client, stack.clock, numbers=count(first_id), seen=seen, broker=broker
            )

        self.processes = [Process(build, 1), Process(build, 2)]

    @property
    def broker(self) -> EmbeddedBroker:
        return self._broker

    async def revive(self, process: Process) -> None:
        await process.replace()
        await process.world.connector.sweep()


class MortalOtherClient(OtherServerClient):
    """The client of a server that recognises no repeats, in a process that may die."""

    def __init__(self, line: FailingLine, countdown: Countdown, *, certificate: bytes) -> None:
        super().__init__(line, certificate=certificate)
        self._countdown = countdown

    async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
        self._countdown.pass_point()
        response = await super().send(request, within=within)
        self._countdown.pass_point()
        return response


def mortal(storm: Storm, countdown: Countdown) -> tuple[SchedulerClient, "partial[MortalDatabase]"]:
    line, certificate = storm.line, storm.stack.certificate
    seen = partial(MortalDatabase, countdown=countdown)
    if not line.recognises_repeats:
        return MortalOtherClient(line, countdown, certificate=certificate), seen
    return MortalClient(MemorySchedulerClient(line, certificate=certificate), countdown), seen


@asynccontextmanager
async def sqlite_storm(
    stack: Stack,
    folder: Path,
    *,
    recognises_repeats: bool = True,
    numbers: Iterator[int] | None = None,
) -> AsyncIterator[SqliteStorm]:
    """Open a storm on a new file in `folder`."""
    path = migrated(folder)
    storm = SqliteStorm(stack, path, recognises_repeats=recognises_repeats, numbers=numbers)
    try:
        yield storm
    finally:
        await storm.broker.close()
        await storm.processes[0].world.database.close()


@asynccontextmanager
async def postgres_storm(stack: Stack, folder: Path, url: str) -> AsyncIterator[PostgresStorm]:
    """Open a storm on a database, with a broker in a new file in `folder`."""
    async with broker_apart(folder, stack.clock) as broker:
        storm = PostgresStorm(stack, url, broker)
        try:
            yield storm
        finally:
            for process in storm.processes:
                await process.world.database.close()
