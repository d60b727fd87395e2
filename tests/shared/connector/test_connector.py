"""The connector and the real Scheduler service, in one process without threads, killed wherever it can be."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.client.memory import MemorySchedulerClient, Message
from shared.connector.operations import Operation, OperationStatus
from shared.errors import NotFoundError
from shared.messaging.entities import OPERATIONS
from shared.sql.inline import InlineDatabase
from shared.wire.catalogue import CATALOGUE
from tests.clocks import FakeClock
from tests.shared.connector.killing import Countdown, Killed, MortalClient, MortalDatabase
from tests.shared.connector.servers import Receive, Send, answer, scripted
from tests.shared.connector.world import (
    CLOUD_SERVICE,
    JC,
    JOB,
    World,
    assemble,
    message,
    migrated,
    opened,
    put_job,
)
from tests.shared.scheduler.scheduler_stack import Stack, open_stack

SECOND = timedelta(seconds=1)
PUT_SERVICE = message("CreateOrUpdateCloudService", "/cloudservices/cs1", CLOUD_SERVICE)
PUT_COLLECTION = message("CreateJobCollection", JC, {"plan": "Standard"})
DELETE_COLLECTION = message("DeleteJobCollection", JC)
DELETE_SERVICE = message("DeleteCloudService", "/cloudservices/cs1")
GET_COLLECTION = CATALOGUE["GetJobCollection"]
PARAMS = {"cloud_service": "cs1", "job_collection": "jc1"}


def delete_job(job: str) -> dict[str, Any]:
    return message("DeleteJob", f"{JC}/jobs/{job}")


@dataclass(slots=True)
class Recorder:
    """The service, and what it answered to changes: (method, path, repeatability id, status)."""

    stack: Stack
    effects: list[tuple[str, str, int]]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def note(event: Message) -> None:
            if event["type"] == "http.response.start" and scope["method"] != "GET":
                self.effects.append((scope["method"], scope["path"], event["status"]))
            await send(event)

        await self.stack.app(scope, receive, note)


class Simulation:
    """A connector that is killed and started again over the same file, and a service that goes on."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        self.clock = stack.clock
        self.stack = stack
        self.countdown = Countdown()
        self.server = Recorder(stack, [])
        self._path = migrated(folder)
        self._starts = 0
        self.world = self._assemble()

    def _assemble(self) -> World:
        self._starts += 1
        client = MemorySchedulerClient(self.server, certificate=self.stack.certificate)
        return assemble(
            InlineDatabase(self._path),
            MortalClient(client, self.countdown),
            self.clock,
            numbers=itertools.count(1000 * self._starts),
            seen=partial(MortalDatabase, countdown=self.countdown),
        )

    async def restart(self) -> None:
        """What a new process does first."""
        await self.close()
        self.world = self._assemble()
        await self.world.database.run(self.world.broker.free_locks)
        await self.world.connector.free_leases()
        await self.world.connector.sweep()

    async def close(self) -> None:
        await self.world.broker.close()
        await self.world.database.close()

    async def run(self) -> None:
        """Work on both sides, with restarts after each death and a sweep a minute, until everything has ended."""
        for _ in range(300):
            try:
                await self.stack.work()
                await self.world.work()
                operations = await self.world.operations()
                if all(one.retry_after is None for one in operations):
                    await self.world.connector.sweep()
                    return
            except Killed:
                await self.restart()
                continue
            await self.clock.advance(SECOND)
        raise AssertionError("operations did not end")

    async def accept(self, *messages: dict[str, Any]) -> list[Operation]:
        return await self.world.accept(*messages)

    async def jobs(self) -> list[str]:
        _, found = await self.world.connector.read(CATALOGUE["ListJobs"], PARAMS, {})
        assert isinstance(found, list)
        return sorted(str(job["id"]) for job in found if isinstance(job, dict))


@asynccontextmanager
async def simulated(folder: Path) -> AsyncIterator[Simulation]:
    async with open_stack(folder, FakeClock()) as stack:
        simulation = Simulation(folder, stack)
        yield simulation
        await simulation.close()


async def ends(simulation: Simulation, operations: Sequence[Operation]) -> list[str]:
    found = [await simulation.world.operation(one) for one in operations]
    return [f"{one.status}{f' {one.error.code}' if one.error else ''}" for one in found]


async def test_p3_everything_at_once_takes_effect_in_order(tmp_path: Path) -> None:
    async with simulated(tmp_path) as simulation:
        operations = await simulation.accept(
            PUT_SERVICE, PUT_COLLECTION, put_job("a"), put_job("b"), delete_job("a"), put_job("c")
        )
        await simulation.run()

        assert await ends(simulation, operations) == ["Succeeded"] * 6
        assert await simulation.jobs() == ["b", "c"]


async def test_whole_life_of_a_cloud_service(tmp_path: Path) -> None:
    async with simulated(tmp_path) as simulation:
        operations = await simulation.accept(
            PUT_SERVICE,
            PUT_COLLECTION,
            message("CreateJob", f"{JC}/jobs", JOB),
            message("GetJobCollection", JC),
            message("PatchJob", f"{JC}/jobs/nobody", {"state": "disabled"}),
            DELETE_COLLECTION,
            put_job("late"),
            DELETE_SERVICE,
        )
        await simulation.run()

        statuses = [one.split()[0] for one in await ends(simulation, operations)]
        assert statuses == ["Succeeded"] * 4 + ["Failed", "Succeeded", "Failed", "Succeeded"]
        with pytest.raises(NotFoundError):
            await simulation.world.connector.read(GET_COLLECTION, PARAMS, {})


SCENARIOS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]] = {
    "put": ([], [put_job("a"), put_job("b")], ["a", "b"]),
    "delete": ([put_job("a"), put_job("b")], [delete_job("a")], ["b"]),
    "order": ([], [put_job("a"), delete_job("a"), put_job("a"), delete_job("a")], []),
    "create": ([], [message("CreateJob", f"{JC}/jobs", JOB)], ["00000000000000000000000000000001"]),
    "asynchronous": ([], [DELETE_COLLECTION, PUT_COLLECTION, put_job("a")], ["a"]),
}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_p7_killed_anywhere_everything_ends_once_and_takes_effect_once(name: str) -> None:
    """Every point of the whole run is tried; the run without a death has the fewest points."""
    before, commands, jobs = SCENARIOS[name]
    point = 0
    while await killed_at(point, before, commands, jobs):
        point += 1

    # Of each command its call and its record, before and after; and the start of the first.
    assert point >= 4 * len(commands) + 2


async def killed_at(
    point: int,
    before: list[dict[str, Any]],
    commands: list[dict[str, Any]],
    jobs: list[str],
) -> bool:
    """Run with a death at `point`, and check; whether the run got there."""
    with TemporaryDirectory() as folder:
        async with simulated(Path(folder)) as simulation:
            await simulation.accept(PUT_SERVICE, PUT_COLLECTION, *before)
            await simulation.run()
            prepared = len(await simulation.world.events())
            operations = await simulation.accept(*commands)
            first_of_run = len(simulation.server.effects)
            simulation.countdown.left = point
            await simulation.run()
            was_killed = simulation.countdown.left is None
            simulation.countdown.left = None

            assert await ends(simulation, operations) == ["Succeeded"] * len(commands)
            events = (await simulation.world.events())[prepared:]
            assert Counter(event["id"] for event in events) == Counter(
                f"{one.id}/end" for one in operations
            )
            if jobs and len(jobs[0]) == 32:
                jobs = [operations[0].id.replace("-", "")]
            assert await simulation.jobs() == jobs
            # A job that is put twice would be answered 200, one that is deleted twice 404.
            changes = [
                one for one in simulation.server.effects[first_of_run:] if "/jobs/" in one[1]
            ]
            assert {status for method, _, status in changes if method == "PUT"} <= {201}
            assert {status for method, _, status in changes if method == "DELETE"} <= {200}
    return was_killed


async def test_p1_death_while_accepting_leaves_all_or_nothing(tmp_path: Path) -> None:
    async with simulated(tmp_path) as simulation:
        for point, kept in ((0, 0), (1, 2)):
            simulation.countdown.left = point
            with suppress(Killed):
                await simulation.accept(PUT_SERVICE, PUT_COLLECTION)
            await simulation.restart()

            assert len(await simulation.world.operations()) == kept
        await simulation.run()

        assert {one.status for one in await simulation.world.operations()} == {
            OperationStatus.SUCCEEDED
        }


COMMANDS = st.sampled_from(
    [
        put_job("a"),
        put_job("b"),
        delete_job("a"),
        delete_job("b"),
        PUT_COLLECTION,
        DELETE_COLLECTION,
        message("GetJobCollection", JC),
        put_job("a") | {"resource": "/CLOUDSERVICES/cs1/JobCollections/JC1/Jobs/A"},
    ]
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    commands=st.lists(COMMANDS, min_size=2, max_size=7),
    death=st.none() | st.integers(0, 60),
)
def test_p3_all_at_once_ends_as_one_after_the_other(
    commands: list[dict[str, Any]], death: int | None
) -> None:
    """Serial equivalence: statuses and the jobs that are left are those of a run that waits for each command."""

    async def run(*, at_once: bool) -> tuple[list[str], list[str] | None]:
        with TemporaryDirectory() as folder:
            async with simulated(Path(folder)) as simulation:
                await simulation.accept(PUT_SERVICE, PUT_COLLECTION)
                await simulation.run()
                operations: list[Operation] = []
                if at_once:
                    operations = await simulation.accept(*commands)
                    simulation.countdown.left = death
                    await simulation.run()
                    simulation.countdown.left = None
                else:
                    for command in commands:
                        operations += await simulation.accept(command)
                        await simulation.run()
                try:
                    jobs: list[str] | None = await simulation.jobs()
                except NotFoundError:
                    jobs = None
                return await ends(simulation, operations), jobs

    assert asyncio.run(run(at_once=True)) == asyncio.run(run(at_once=False))


async def test_p7_lost_wake_ups_are_found_by_sweep(tmp_path: Path) -> None:
    async with simulated(tmp_path) as simulation:
        operations = await simulation.accept(PUT_SERVICE)
        receiver = simulation.world.broker.receiver(OPERATIONS)
        for lost in await receiver.receive(max_messages=10, max_wait=timedelta()):
            await receiver.complete(lost)
        await simulation.clock.advance(60 * SECOND)

        assert await simulation.world.connector.sweep() == 1
        await simulation.run()

        assert await ends(simulation, operations) == ["Succeeded"]


async def test_sweep_publishes_what_a_death_left_unpublished(tmp_path: Path) -> None:
    async with simulated(tmp_path) as simulation:
        await simulation.accept(PUT_SERVICE)
        while not await simulation.world.rows("SELECT 1 FROM event"):
            simulation.countdown.left = 9
            with suppress(Killed):
                await simulation.world.work()
            simulation.countdown.left = None
            await simulation.stack.work()
            await simulation.clock.advance(SECOND)
        simulation.countdown.left = None
        await simulation.world.connector.sweep()

        assert len(await simulation.world.events()) == 1


async def test_operations_are_found_listed_and_forgotten(tmp_path: Path) -> None:
    _, client = scripted(answer(201, b"{}"))
    async with opened(tmp_path, client) as world:
        for number in range(102):
            await world.accept(put_job(f"j{number}"))
        await world.run()

        assert len(await world.operations()) == 100
        assert [one.resource for one in await world.operations(limit=1)] == [f"{JC}/jobs/j101"]
        with pytest.raises(NotFoundError, match="'nobody'"):
            await world.connector.operation("nobody")
        world.clock.set(world.clock.now() + timedelta(days=8))
        assert await world.connector.prune() == 102
        assert await world.operations() == []


async def test_retry_after_is_given_until_the_end(tmp_path: Path) -> None:
    _, client = scripted(answer(201, b"{}"))
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        assert operation.retry_after == SECOND
        await world.run()

        assert (await world.operation(operation)).retry_after is None
