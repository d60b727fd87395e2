"""Connectors that share a database, the real Scheduler service behind a line that fails, and a clock that stands still.

A connector is the objects of one process. It dies at a point chosen beforehand, before or after any transaction or
call, and another one takes its place; what it held ends as it would after a real death. On SQLite there is one at a
time, which owns the file and the queues in it; on PostgreSQL there are two, with queues apart from their database.
"""

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from shared.client.memory import MemorySchedulerClient, Message
from shared.connector.operations import Operation
from shared.connector.rejection import QueueMessage
from shared.errors import ConflictError
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import COMMANDS, OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.sql.inline import InlineDatabase
from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.shared.connector.killing import Countdown, Killed, MortalClient, MortalDatabase
from tests.shared.connector.servers import Receive, Send
from tests.shared.connector.world import World, assemble, migrated
from tests.shared.scheduler.scheduler_stack import Stack

SECOND = timedelta(seconds=1)
LONGEST = 1200
SWEEP_EVERY = 30
IDS_OF_A_LIFE = 10_000
LIVES = 10_000
Value = TypeVar("Value")


class Fault(Enum):
    """What happens to a request: refused or lost before anything was done, or done and not answered, or wrongly."""

    BUSY = auto()
    LOST = auto()
    UNANSWERED = auto()
    FAILS_AFTER = auto()


NOTHING_DONE = frozenset({Fault.BUSY, Fault.LOST})


class FailingLine:
    """The service at the end of a line; each fault strikes one change, or a read where nothing is done either way."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.faults: deque[Fault] = deque()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        match self._next(scope["method"]):
            case Fault.BUSY:
                await answer(send, 503)
            case Fault.LOST:
                raise ConnectionResetError
            case Fault.UNANSWERED:
                await self._stack.app(scope, receive, swallow)
                raise ConnectionResetError
            case Fault.FAILS_AFTER:
                await self._stack.app(scope, receive, swallow)
                await answer(send, 500)
            case None:
                await self._stack.app(scope, receive, send)

    def _next(self, method: str) -> Fault | None:
        if not self.faults or (method == "GET" and self.faults[0] not in NOTHING_DONE):
            return None
        return self.faults.popleft()


async def swallow(_message: Message) -> None:
    """Take an answer that reaches nobody."""


async def answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


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
    """Everything of one example; `accepted` has the command of each operation."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.line = FailingLine(stack)
        self.accepted: dict[str, dict[str, Any]] = {}
        self.processes: Sequence[Process] = ()
        self._messages = 0

    @property
    @abstractmethod
    def broker(self) -> EmbeddedBroker:
        """Where the wake-ups are."""

    @abstractmethod
    async def revive(self, process: Process) -> None:
        """Do what a new process does first, in the place of a dead one."""

    async def live(self, process: Process, act: Callable[[World], Awaitable[Value]]) -> Value:
        """Let a process act. Raises DiedError."""
        try:
            return await act(process.world)
        except Killed as death:
            await self.revive(process)
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
        """Send to the queue; returns the ids of the operations."""
        self._messages += 1
        message = QueueMessage(
            body=json.dumps(messages).encode(),
            queue=COMMANDS,
            sequence_number=self._messages,
            message_id=key,
        )

        async def act(world: World) -> list[Operation]:
            return await world.connector.accept_message(message)

        return self._note(messages, await self.survive(process, act))

    async def step(self, process: Process, *, times: int = 1, is_lost: bool = False) -> None:
        """Take one wake-up and follow it, as often as it is delivered; or lose it on the way."""
        receiver = self.broker.receiver(OPERATIONS)
        received = await receiver.receive(max_messages=1, max_wait=timedelta())
        for message in received:
            follow = partial(followed, WakeUp.decode(message.message.body))
            try:
                for _ in range(0 if is_lost else times):
                    await self.live(process, follow)
            except DiedError:
                return  # nobody completes its message, which comes again
            await receiver.complete(message)

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
        """Nothing fails any more: work until every operation has ended.

        Raises:
            AssertionError: that does not come within twenty minutes.
        """
        self.line.faults.clear()
        for process in self.processes:
            process.countdown.left = None
        for second in range(LONGEST):
            await self.stack.work()
            for process in self.processes:
                await process.world.work()
            if second % SWEEP_EVERY == 0 or not await self.unfinished():
                await self.processes[0].world.connector.sweep()
            if not await self.unfinished():
                return
            await self.stack.clock.advance(SECOND)
        raise AssertionError(f"never ended: {await self.unfinished()}")

    async def unfinished(self) -> list[str]:
        return await self._ids("WHERE finished_at IS NULL")

    async def in_order(self) -> list[str]:
        """Return the ids of all operations in the order of their acceptance."""
        return await self._ids("ORDER BY number")

    async def _ids(self, condition: str) -> list[str]:
        rows = await self.processes[0].world.rows(f"SELECT id FROM operation {condition}")
        return [row[0] for row in rows]

    def _note(
        self, messages: Sequence[dict[str, Any]], operations: Sequence[Operation]
    ) -> list[str]:
        names = [operation.id for operation in operations]
        self.accepted.update(zip(names, messages, strict=True))
        return names


async def followed(wake_up: WakeUp, world: World) -> None:
    await world.connector.execute(wake_up)


class SqliteStorm(Storm):
    """One connector at a time, on a file with the queues in it."""

    def __init__(self, stack: Stack, path: Path) -> None:
        super().__init__(stack)

        def build(countdown: Countdown, first_id: int) -> World:
            client, seen = mortal(self, countdown)
            return assemble(InlineDatabase(path), client, stack.clock, first_id=first_id, seen=seen)

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
        super().__init__(stack)
        self._broker = broker

        def build(countdown: Countdown, first_id: int) -> World:
            client, seen = mortal(self, countdown)
            database = PostgresDatabase(url)
            return assemble(
                database, client, stack.clock, first_id=first_id, seen=seen, broker=broker
            )

        self.processes = [Process(build, 1), Process(build, 2)]

    @property
    def broker(self) -> EmbeddedBroker:
        return self._broker

    async def revive(self, process: Process) -> None:
        await process.replace()
        await process.world.connector.sweep()


def mortal(storm: Storm, countdown: Countdown) -> tuple[MortalClient, "partial[MortalDatabase]"]:
    client = MemorySchedulerClient(storm.line, certificate=storm.stack.certificate)
    return MortalClient(client, countdown), partial(MortalDatabase, countdown=countdown)


@asynccontextmanager
async def sqlite_storm(stack: Stack, folder: Path) -> AsyncIterator[SqliteStorm]:
    """Open a storm on a new file in `folder`."""
    storm = SqliteStorm(stack, migrated(folder))
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
