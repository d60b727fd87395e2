"""P1-P4 and unknown outcomes (DESIGN §6) by chance: a storm leaves what the same commands leave one after another.

Commands come in by both doors, are repeated and canceled, and are carried out by processes that die, over a line that
loses requests and answers. Then it calms down, and the same commands go one by one, in the order of their acceptance,
to a service that has seen nothing: every operation must have ended as its twin did, with one event, and both services
must hold the same.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
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

from shared.connector.stores.releases import RELEASED_AT_ONCE
from shared.errors import ConflictError
from tests.chaos.connector_storm import SECOND, Process, Storm, postgres_storm, sqlite_storm
from tests.chaos.failing_line import LATE, Fault, Kind
from tests.chaos.serial_run import check
from tests.chaos.storm_commands import (
    COMMANDS,
    HASTY,
    IN_A_ROW,
    OF_OTHERS,
    OF_OURS,
    ON_ONE_SERVICE,
    Commands,
    before_the_storm,
    job,
    opened_stack,
    some,
)
from tests.postgres import Databases
from tests.shared.connector.world import message
from tests.shared.scheduler.scheduler_stack import Stack

OURS, THEIRS = some(*COMMANDS, *OF_OURS), some(*COMMANDS, *OF_OTHERS)
SOME = st.runner().flatmap(lambda machine: machine.commands)
WHICH = st.integers(0, 1)
SECONDS = st.integers(80, 130)
"""About as long as a lease."""
FAULTS = st.lists(st.builds(Fault, st.sampled_from(Kind), SECONDS), min_size=2, max_size=6)
BUSY = Fault(Kind.BUSY, 0)
LEASE = 90
DEATHS = (2, 4, 5)
"""Between the transactions in which what waits is released, and after them."""
PARTS = 4
"""Of what waits; a request holds up to a hundred commands."""
Value = TypeVar("Value")
Request = tuple[str, Commands, list[str]]


class ConnectorStorm(RuleBasedStateMachine):
    """What may happen; a subclass says on what."""

    commands = OURS
    requests = Bundle("requests")
    messages = Bundle("messages")

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

    def accept(self, which: int, commands: Commands) -> Request:
        key = next(self._keys)
        accept = self.storm.accept_request
        return key, commands, self.do(accept(self.process(which), commands, key=key))

    @initialize()
    def begin(self) -> None:
        folder = Path(self._open.enter_context(TemporaryDirectory()))

        async def build() -> None:
            stack = await self._open.enter_async_context(opened_stack(folder))
            self.storm = await self._open.enter_async_context(self.opened(stack, folder))

        before_the_storm()
        self.do(build())

    @rule(target=requests, which=WHICH, commands=SOME)
    def a_request_comes(self, which: int, commands: Commands) -> Request:
        return self.accept(which, commands)

    @rule(target=messages, which=WHICH, commands=SOME, times=st.integers(1, 2))
    def a_message_comes(self, which: int, commands: Commands, times: int) -> Request:
        key = next(self._keys)
        found = {
            tuple(self.do(self.storm.accept_message(self.process(which), commands, key=key)))
            for _ in range(times)
        }
        (names,) = found
        return key, commands, list(names)

    @rule(first=SOME, second=SOME)
    def two_come_at_once(self, first: Commands, second: Commands) -> None:
        async def both() -> None:
            await asyncio.gather(
                self.storm.accept_request(self.process(0), first, key=next(self._keys)),
                self.storm.accept_message(self.process(1), second, key=next(self._keys)),
            )

        self.do(both())

    @rule(which=WHICH, earlier=requests)
    def p4_a_request_is_repeated(self, which: int, earlier: Request) -> None:
        key, commands, names = earlier
        repeated = self.do(self.storm.accept_request(self.process(which), commands, key=key))
        assert repeated == names

    @rule(which=WHICH, by_key=requests, by_message=messages, commands=SOME)
    def p4_a_key_comes_with_something_else(
        self, which: int, by_key: Request, by_message: Request, commands: Commands
    ) -> None:
        process = self.process(which)
        if commands != by_key[1]:
            with pytest.raises(ConflictError):
                self.do(self.storm.accept_request(process, commands, key=by_key[0]))
        if commands != by_message[1]:
            accepted = self.storm.accept_message(process, commands, key=by_message[0])
            assert self.do(accepted) == []

    @rule(which=WHICH, earlier=requests, place=st.integers(0, 2))
    def one_is_canceled(self, which: int, earlier: Request, place: int) -> None:
        names = earlier[2]
        self.do(self.storm.cancel(self.process(which), names[place % len(names)]))

    @rule(which=WHICH, commands=IN_A_ROW, place=st.sampled_from([0, 0, 1]))
    def one_of_a_row_is_canceled(self, which: int, commands: Commands, place: int) -> None:
        names = self.accept(which, commands)[2]
        self.do(self.storm.cancel(self.process(which), names[place]))

    def cancel_and_follow(self, name: str) -> None:
        """Cancel an operation in one process while another follows a wake-up, or the same where there is one."""

        async def both() -> None:
            await asyncio.gather(
                self.storm.cancel(self.process(0), name), self.storm.step(self.process(1))
            )

        self.do(both())

    @rule(which=WHICH, number=st.integers(1, 4), times=st.sampled_from([1, 1, 1, 2]))
    def wake_ups_are_followed(self, which: int, number: int, times: int) -> None:
        self.do(self.storm.step(self.process(which), times=times, at_once=number))

    @rule(number=st.integers(1, 4))
    def both_follow_wake_ups(self, number: int) -> None:
        async def both() -> None:
            processes = [*self.storm.processes] * number
            await asyncio.gather(*(self.storm.step(process) for process in processes))

        if len(self.storm.processes) > 1:
            self.do(both())

    @rule(which=WHICH, one=ON_ONE_SERVICE, kind=st.sampled_from(LATE), seconds=st.integers(1, 8))
    def somebody_is_overtaken(
        self, which: int, one: dict[str, Any], kind: Kind, seconds: int
    ) -> None:
        """An answer comes after the lease is over, while somebody else gets no further at once."""
        self.accept(which, [one])
        self.storm.fail([Fault(kind, LEASE + seconds)])
        self.wake_ups_are_followed(which, 4, 1)
        self.time_passes(LEASE)
        self.sweep_runs(which)
        self.storm.fail([BUSY] * 4)
        self.wake_ups_are_followed(1 - which, 4, 1)

    @rule(which=WHICH)
    def a_wake_up_is_lost(self, which: int) -> None:
        self.do(self.storm.step(self.process(which), is_lost=True))

    @rule(faults=FAULTS)
    def the_line_will_fail(self, faults: list[Fault]) -> None:
        self.storm.fail(faults)

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


def run(machine: type[ConnectorStorm], options: pytest.Config) -> None:
    """Try half as many examples as there are rounds, from the seed on."""
    run_state_machine_as_test(
        seed(options.getoption("--seed"))(machine),
        settings=settings(
            max_examples=options.getoption("--rounds") // 2,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


class OfOurs(ConnectorStorm):
    """What may happen besides where the service recognises repeats: elsewhere haste leaves outcomes unknown."""

    @rule(which=WHICH, commands=HASTY, seconds=st.sampled_from([0, 5, 30]))
    def a_hasty_command_comes(self, which: int, commands: Commands, seconds: int) -> None:
        self.accept(which, commands)
        self.time_passes(seconds)


class OnSqlite(OfOurs):
    def opened(self, stack: Stack, folder: Path) -> AbstractAsyncContextManager[Storm]:
        return sqlite_storm(stack, folder)


class Elsewhere(ConnectorStorm):
    commands = THEIRS

    def opened(self, stack: Stack, folder: Path) -> AbstractAsyncContextManager[Storm]:
        return sqlite_storm(stack, folder, recognises_repeats=False)


def on_postgres(postgres: Databases) -> type[ConnectorStorm]:
    class OnPostgres(OfOurs):
        @asynccontextmanager
        async def opened(self, stack: Stack, folder: Path) -> AsyncIterator[Storm]:
            with postgres.one() as url:
                async with postgres_storm(stack, folder, url) as storm:
                    yield storm

    return OnPostgres


def test_p1_p2_p3_p4_on_sqlite_a_storm_ends_as_a_serial_run(pytestconfig: pytest.Config) -> None:
    run(OnSqlite, pytestconfig)


def test_p1_p2_p3_p4_on_postgresql_two_processes_end_as_a_serial_run(
    postgres: Databases, pytestconfig: pytest.Config
) -> None:
    run(on_postgres(postgres), pytestconfig)


def test_p2_at_a_server_that_recognises_no_repeats_nothing_is_done_twice_that_must_not_be(
    pytestconfig: pytest.Config,
) -> None:
    run(Elsewhere, pytestconfig)


def more_wait_than_one_transaction_releases(machine: ConnectorStorm, *, dies_at: int) -> None:
    """What waits for a write that is canceled then waits for the one before it, which ends; and a process dies."""
    write = message("PatchJob", job("ax"), {"state": "disabled"})
    read = message("GetJob", job("ax"))
    try:
        machine.begin()
        canceled = machine.accept(0, [write, write])[2][1]
        for _ in range(PARTS):
            machine.accept(0, [read] * (RELEASED_AT_ONCE // PARTS + 5))
        machine.accept(1, [message("DeleteJob", job("ax"))])
        machine.a_process_will_die(0, dies_at)
        machine.cancel_and_follow(canceled)
    finally:
        machine.teardown()


@pytest.mark.parametrize("dies_at", DEATHS)
def test_p2_p3_on_sqlite_more_wait_than_one_transaction_releases(dies_at: int) -> None:
    more_wait_than_one_transaction_releases(OnSqlite(), dies_at=dies_at)


def test_p2_p3_on_postgresql_more_wait_than_one_transaction_releases(postgres: Databases) -> None:
    more_wait_than_one_transaction_releases(on_postgres(postgres)(), dies_at=DEATHS[0])
