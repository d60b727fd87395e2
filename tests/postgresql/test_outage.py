"""The database is away for three minutes while messages keep coming; the waits are simulated, the server is real."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import azure.functions as func
import pytest
from azure.functions.servicebus import ServiceBusMessage

from functions.rendering import queue_message_of, wake_up_of
from functions.settling import backing_off
from shared.bootstrap import Application, use
from shared.bootstrap.data_folder import SCHEMAS_OF_PARTS
from shared.clock import SystemClock
from shared.errors import TransientError
from shared.messaging.entities import COMMANDS, OPERATIONS
from shared.messaging.message import Message, ReceivedMessage
from shared.settings import Settings
from shared.sql.database_server import bring_up_to_date
from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.clocks import FakeClock, settle
from tests.postgres import PostgresServer
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import World, assemble, put_job

OUTAGE, STEP = timedelta(minutes=3), timedelta(seconds=2)
RENEWED_EVERY = timedelta(seconds=30)  # the lock lasts a minute
REAL_MOMENT = timedelta(milliseconds=2)


class Host:
    """Calls the functions of two queues as a host does: it renews locks, and settles by what a function does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calling = 0
        self._held: dict[asyncio.Task[None], tuple[str, ReceivedMessage]] = {}
        self._functions = {
            COMMANDS: backing_off(self._accept),
            OPERATIONS: backing_off(self._execute),
        }
        self._receivers = {queue: world.broker.receiver(queue) for queue in self._functions}
        self._renew_at = world.clock.now()
        self.most_deliveries = 0

    async def run(self, duration: timedelta, *, until: Callable[[], Awaitable[bool]]) -> None:
        """Let time pass, until something is so or the duration is over."""
        end = self._world.clock.now() + duration
        while self._world.clock.now() < end and not await until():
            # What is given back comes again at once.
            while await self._receive():
                await self._until_all_wait()
            if self._world.clock.now() >= self._renew_at:
                await self._renew()
            await self._world.clock.advance(STEP)

    async def _renew(self) -> None:
        for queue, held in self._held.values():
            await self._receivers[queue].renew_lock(held)
        self._renew_at = self._world.clock.now() + RENEWED_EVERY

    async def _receive(self) -> int:
        count = 0
        for queue, receiver in self._receivers.items():
            for received in await receiver.receive(max_messages=1000, max_wait=timedelta()):
                self.most_deliveries = max(self.most_deliveries, received.delivery_count)
                task = asyncio.create_task(self._call(queue, received))
                self._held[task] = (queue, received)
                task.add_done_callback(self._held.pop)
                count += 1
        return count

    async def _until_all_wait(self) -> None:
        """Transactions take their time in threads; what is left then sleeps by the simulated clock."""
        await settle()
        async with asyncio.timeout(30):
            while self._calling:
                await SystemClock().sleep(REAL_MOMENT)
        await settle()

    async def _call(self, queue: str, received: ReceivedMessage) -> None:
        one = ServiceBusMessage(
            body=received.message.body,
            message_id=received.message.message_id or "",
            delivery_count=received.delivery_count,
            sequence_number=received.sequence_number,
            application_properties={},
            user_properties={},
        )
        try:
            await self._functions[queue](one)
        except TransientError:
            await self._receivers[queue].abandon(received)
        else:
            await self._receivers[queue].complete(received)

    async def _accept(self, one: func.ServiceBusMessage) -> None:
        await self._count(
            self._world.connector.accept_message(queue_message_of(one, queue=COMMANDS))
        )

    async def _execute(self, one: func.ServiceBusMessage) -> None:
        wake_up = wake_up_of(one)
        assert wake_up is not None
        await self._count(self._world.connector.execute(wake_up))

    async def _count(self, call: Awaitable[object]) -> None:
        self._calling += 1
        try:
            await call
        finally:
            self._calling -= 1


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    bring_up_to_date(server.url("postgres"), SCHEMAS_OF_PARTS)
    yield server
    server.close()


@pytest.fixture
async def database(server: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(server.url("postgres"))
    yield database
    await database.close()


async def test_p7_three_minutes_without_the_database_leave_nothing_in_a_dead_letter_queue(
    server: PostgresServer, database: PostgresDatabase, tmp_path: Path
) -> None:
    _, client = scripted(answer(201, b"{}"))
    clock = FakeClock()
    use(Application(Settings(), clock=clock))
    async with broker_apart(tmp_path, clock) as broker:
        world = assemble(database, client, clock, broker=broker)
        host = Host(world)

        async def never() -> bool:
            return False

        async def all_ended() -> bool:
            counted = await world.rows("SELECT count(*) FROM operation WHERE status = 'Succeeded'")
            return counted == [(60,)]

        for number in range(20):
            await world.accept(put_job(f"accepted{number}"))
        await send(world, "before")
        server.stop()
        await host.run(OUTAGE / 2, until=never)
        await send(world, "meanwhile")
        await host.run(OUTAGE / 2, until=never)
        server.start()
        await host.run(timedelta(minutes=10), until=all_ended)

        assert await all_ended()
        assert host.most_deliveries > 5
        for queue in (COMMANDS, OPERATIONS):
            assert await broker.peek(f"{queue}/$DeadLetterQueue") == []


async def send(world: World, name: str) -> None:
    """Send twenty commands."""
    await world.broker.send(
        COMMANDS,
        [
            Message(
                body=json.dumps(put_job(f"{name}{number}")).encode(), message_id=f"{name}{number}"
            )
            for number in range(20)
        ],
    )
