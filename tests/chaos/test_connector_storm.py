"""P1-P4 and unknown outcomes (DESIGN §6) by chance: a storm leaves what the same commands leave one after another.

Commands come in by both doors, are repeated and canceled, and are carried out by processes that die, over a line that
loses requests and answers. Then it calms down, and the same commands go one by one, in the order of their acceptance,
to a service that has seen nothing: every operation must have ended as its twin did, with one event, and both services
must hold the same.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from shared.connector.operations import Operation, OperationStatus
from shared.errors import NotFoundError
from shared.wire.catalogue import CATALOGUE
from shared.wire.json_types import Json
from tests.chaos.connector_storm import SECOND, Fault, Process, Storm, postgres_storm, sqlite_storm
from tests.clocks import FakeClock
from tests.postgres import Databases
from tests.shared.connector.world import CLOUD_SERVICE, JOB, message
from tests.shared.scheduler.scheduler_stack import Stack, open_stack

SERVICES = ("a", "b")
LATER = "2026-06-01T00:00:00Z"
VOLATILE = frozenset({"etag", "status"})
Value = TypeVar("Value")
Commands = list[dict[str, Any]]


def service(name: str) -> str:
    return f"/cloudservices/{name}"


def collection(name: str) -> str:
    return f"{service(name)}/jobcollections/jc"


def job(name: str) -> str:
    return f"{collection(name[0])}/jobs/{name[1]}"


def command(name: str, resources: Sequence[str], *bodies: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(message, st.just(name), st.sampled_from(resources), st.sampled_from(bodies))


OF_SERVICES = [service(name) for name in SERVICES]
OF_COLLECTIONS = [collection(name) for name in SERVICES]
OF_JOBS = [job(name) for name in ("ax", "ay", "bx")]
BEGINNING = [
    message("CreateOrUpdateCloudService", OF_SERVICES[0], CLOUD_SERVICE),
    message("CreateJobCollection", OF_COLLECTIONS[0], {"plan": "Standard"}),
]
COMMANDS = st.one_of(
    command("CreateOrUpdateJob", OF_JOBS, {**JOB, "startTime": LATER}),
    command("PatchJob", OF_JOBS, {"state": "disabled"}, {"state": "enabled"}),
    command("DeleteJob", OF_JOBS, None),
    command("GetJob", OF_JOBS, None),
    command("CreateJobCollection", OF_COLLECTIONS, {"plan": "Standard"}),
    command("DeleteJobCollection", OF_COLLECTIONS, None),
    command("CreateOrUpdateCloudService", OF_SERVICES, CLOUD_SERVICE),
    command("DeleteCloudService", OF_SERVICES, None),
)
SOME = st.lists(COMMANDS, min_size=1, max_size=3)
WHICH = st.integers(0, 1)


class ConnectorStorm(RuleBasedStateMachine):
    """What may happen; a subclass says on what."""

    requests = Bundle("requests")
    operations = Bundle("operations")

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._keys = (f"key{number}" for number in count())
        self.storm: Storm

    def opened(self, stack: Stack, folder: Path) -> AbstractAsyncContextManager[Storm]:
        """Open the storm on what the subclass is for."""
        raise NotImplementedError

    def do(self, act: Awaitable[Value]) -> Value:
        async def run() -> Value:
            return await act

        return self._runner.run(run())

    def process(self, which: int) -> Process:
        return self.storm.processes[which % len(self.storm.processes)]

    @initialize()
    def begin(self) -> None:
        folder = Path(self._open.enter_context(TemporaryDirectory()))

        async def build() -> None:
            stack = await self._open.enter_async_context(opened_stack(folder))
            self.storm = await self._open.enter_async_context(self.opened(stack, folder))
            await self.storm.accept_request(self.process(0), BEGINNING, key="beginning")

        self.do(build())

    @rule(target=requests, which=WHICH, commands=SOME)
    def a_request_comes(self, which: int, commands: Commands) -> tuple[str, Commands, list[str]]:
        key = next(self._keys)
        accept = self.storm.accept_request
        return key, commands, self.do(accept(self.process(which), commands, key=key))

    @rule(which=WHICH, commands=SOME, times=st.integers(1, 2))
    def a_message_comes(self, which: int, commands: Commands, times: int) -> None:
        key = next(self._keys)
        found = {
            tuple(self.do(self.storm.accept_message(self.process(which), commands, key=key)))
            for _ in range(times)
        }
        assert len(found) == 1

    @rule(first=SOME, second=SOME)
    def two_come_at_once(self, first: Commands, second: Commands) -> None:
        async def both() -> None:
            await asyncio.gather(
                self.storm.accept_request(self.process(0), first, key=next(self._keys)),
                self.storm.accept_message(self.process(1), second, key=next(self._keys)),
            )

        self.do(both())

    @rule(which=WHICH, earlier=requests)
    def p4_a_request_is_repeated(
        self, which: int, earlier: tuple[str, Commands, list[str]]
    ) -> None:
        key, commands, names = earlier
        repeated = self.do(self.storm.accept_request(self.process(which), commands, key=key))
        assert repeated == names

    @rule(which=WHICH, earlier=requests, place=st.integers(0, 2))
    def one_is_canceled(
        self, which: int, earlier: tuple[str, Commands, list[str]], place: int
    ) -> None:
        names = earlier[2]
        self.do(self.storm.cancel(self.process(which), names[place % len(names)]))

    @rule(which=WHICH, number=st.integers(1, 4), times=st.sampled_from([1, 1, 1, 2]))
    def wake_ups_are_followed(self, which: int, number: int, times: int) -> None:
        for _ in range(number):
            self.do(self.storm.step(self.process(which), times=times))

    @rule(number=st.integers(1, 4))
    def both_follow_wake_ups(self, number: int) -> None:
        async def both() -> None:
            processes = [*self.storm.processes] * number
            await asyncio.gather(*(self.storm.step(process) for process in processes))

        if len(self.storm.processes) > 1:
            self.do(both())

    @rule(which=WHICH)
    def a_wake_up_is_lost(self, which: int) -> None:
        self.do(self.storm.step(self.process(which), is_lost=True))

    @rule(faults=st.lists(st.sampled_from(Fault), min_size=1, max_size=3))
    def the_line_will_fail(self, faults: list[Fault]) -> None:
        self.storm.line.faults.extend(faults)

    @rule(which=WHICH, points=st.integers(0, 12))
    def a_process_will_die(self, which: int, points: int) -> None:
        self.process(which).countdown.left = points

    @rule(seconds=st.sampled_from([1, 2, 5, 30, 90]))
    def time_passes(self, seconds: int) -> None:
        async def passing() -> None:
            await self.storm.stack.work()
            await self.storm.stack.clock.advance(seconds * SECOND)
            await self.storm.stack.work()

        self.do(passing())

    @rule(which=WHICH)
    def sweep_runs(self, which: int) -> None:
        self.do(self.storm.sweep(self.process(which)))

    def teardown(self) -> None:
        async def end() -> None:
            try:
                await self.storm.calm()
                await check(self.storm)
            finally:
                await self._open.aclose()

        try:
            if hasattr(self, "storm"):
                self.do(end())
        finally:
            self._runner.close()


@asynccontextmanager
async def opened_stack(folder: Path) -> AsyncIterator[Stack]:
    (folder / "service").mkdir()
    async with open_stack(folder / "service", FakeClock()) as stack:
        yield stack


async def check(storm: Storm) -> None:
    """Hold what the storm left against a serial run of the same commands."""
    world = storm.processes[0].world
    names = await storm.in_order()
    assert set(names) == set(storm.accepted)
    ended = [await world.connector.operation(name) for name in names]
    events = [event["id"] for event in await world.events()]
    assert Counter(events) == Counter(f"{name}/end" for name in names)
    carried_out = [one for one in ended if one.status is not OperationStatus.CANCELED]
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with opened_stack(folder) as stack, sqlite_storm(stack, folder) as calm:
            for one in carried_out:
                (twin,) = await calm.accept_request(
                    calm.processes[0], [storm.accepted[one.id]], key=one.id
                )
                await calm.calm()
                outcome = await calm.processes[0].world.connector.operation(twin)
                # A read sees what was written before it, and perhaps what was written later.
                if not CATALOGUE[one.command].is_read:
                    assert told(one) == told(outcome), one
            assert await held(storm) == await held(calm)


def told(operation: Operation) -> tuple[str, ...]:
    error = operation.error.code if operation.error else ""
    return (
        operation.command,
        operation.resource,
        operation.status,
        str(operation.http_status),
        error,
    )


async def held(storm: Storm) -> list[Json]:
    """Return what the service holds, but for what tells when it came."""
    reads = [("GetCloudService", {"cloud_service": name}) for name in SERVICES]
    reads += [
        (row, {"cloud_service": name, "job_collection": "jc"})
        for name in SERVICES
        for row in ("GetJobCollection", "ListJobs")
    ]
    found: list[Json] = []
    for row, params in reads:
        try:
            reader = storm.processes[0].world.connector
            _, document = await reader.read(CATALOGUE[row], params, {})
        except NotFoundError:
            document = None
        found.append(without_times(document))
    return found


def without_times(document: Json) -> Json:
    if isinstance(document, dict):
        return {
            name: without_times(value) for name, value in document.items() if name not in VOLATILE
        }
    return [without_times(each) for each in document] if isinstance(document, list) else document


def run(machine: type[ConnectorStorm], options: pytest.Config) -> None:
    """Try half as many examples as there are rounds, from the seed on."""
    run_state_machine_as_test(
        seed(options.getoption("--seed"))(machine),
        settings=settings(
            max_examples=options.getoption("--rounds") // 2,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_p1_p2_p3_p4_on_sqlite_a_storm_ends_as_a_serial_run(pytestconfig: pytest.Config) -> None:
    class OnSqlite(ConnectorStorm):
        def opened(self, stack: Stack, folder: Path) -> AbstractAsyncContextManager[Storm]:
            return sqlite_storm(stack, folder)

    run(OnSqlite, pytestconfig)


def test_p1_p2_p3_p4_on_postgresql_two_processes_end_as_a_serial_run(
    postgres: Databases, pytestconfig: pytest.Config
) -> None:
    class OnPostgres(ConnectorStorm):
        @asynccontextmanager
        async def opened(self, stack: Stack, folder: Path) -> AsyncIterator[Storm]:
            with postgres.one() as url:
                async with postgres_storm(stack, folder, url) as storm:
                    yield storm

    run(OnPostgres, pytestconfig)
