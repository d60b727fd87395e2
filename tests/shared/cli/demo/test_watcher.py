"""Waiting for what comes to the receiver."""

import asyncio
import io
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from rich.console import Console

from shared.cli.demo.action_log import ActionLog
from shared.cli.demo.caller import Accepted
from shared.cli.demo.expectation import PATIENCE, UnmetExpectationError
from shared.cli.demo.inbox import Inbox
from shared.cli.demo.timeline import Timeline
from shared.cli.demo.watcher import Watcher
from tests.clocks import START, FakeClock, settle
from tests.shared.cli.demo.arrived import action_line, add_line, event_line

Value = TypeVar("Value")
A_LOOK = timedelta(milliseconds=50)
ACCEPTED = Accepted(what="PUT /x", operation_id="o1", location="", accepted_at=START)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A receiver's files, and a watcher of them."""

    folder: Path
    inbox: Inbox
    actions: ActionLog
    clock: FakeClock
    watcher: Watcher

    def event(self, line: dict[str, Any]) -> None:
        add_line(self.folder / "events.jsonl", line)
        self.inbox.read_new()

    def action(self, line: dict[str, Any]) -> None:
        add_line(self.folder / "actions.jsonl", line)
        self.actions.read_new()

    async def after(self, duration: timedelta, waiting: Awaitable[Value]) -> Value:
        task = asyncio.ensure_future(waiting)
        await settle()
        await self.clock.advance(duration)
        return await task

    async def refused(self, waiting: Awaitable[object]) -> UnmetExpectationError:
        with pytest.raises(UnmetExpectationError) as raised:
            await self.after(PATIENCE + A_LOOK, waiting)
        return raised.value


@pytest.fixture
def world(tmp_path: Path) -> World:
    clock = FakeClock()
    inbox, actions = Inbox(tmp_path / "events.jsonl"), ActionLog(tmp_path / "actions.jsonl")
    timeline = Timeline(Console(file=io.StringIO()), clock)
    watcher = Watcher(inbox, actions, timeline=timeline, clock=clock)
    return World(folder=tmp_path, inbox=inbox, actions=actions, clock=clock, watcher=watcher)


async def test_completion_is_the_event_of_that_operation(world: World) -> None:
    world.event(event_line("1", operationid="o2"))
    waiting = asyncio.ensure_future(world.watcher.completion(ACCEPTED))
    await settle()
    assert not waiting.done()
    world.event(event_line("2", operationid="o1"))

    await world.clock.advance(A_LOOK)

    assert (await waiting).event["id"] == "2"


async def test_an_event_of_an_execution_has_its_type_and_its_id(world: World) -> None:
    world.event(event_line("1", "tocsin.attempt.failed", executionid="e1"))
    world.event(event_line("2", "tocsin.execution.failed", executionid="e2"))
    world.event(event_line("3", "tocsin.execution.failed", executionid="e1"))

    arrival = await world.watcher.event_of("tocsin.execution.failed", "e1")

    assert arrival.event["id"] == "3"


async def test_what_did_not_come_is_told_with_what_did(world: World) -> None:
    world.event(event_line("1"))

    error = await world.refused(world.watcher.event_of("tocsin.job.faulted", "e1"))

    assert error.expected == "tocsin.job.faulted of execution e1 at the webhook within 90 s"
    assert error.found == "1 other events at the receiver"


async def test_requests_of_a_target_are_counted(world: World) -> None:
    for request, name in (("r1", "import"), ("r2", "export"), ("r3", "import")):
        world.action(action_line(request, name=name))

    second = await world.watcher.request("import", number=2)
    error = await world.refused(world.watcher.request("import", number=3))

    assert second.id == "r3"
    assert error.expected == "request 3 at the target /actions/import within 90 s"
    assert error.found == "2 there, 3 at all targets"


async def test_a_departure_is_that_of_the_request(world: World) -> None:
    world.action(action_line("r1"))
    request = await world.watcher.request("nightly")
    error = await world.refused(world.watcher.departure(request))
    world.action({"request": "r1", "leftAt": START.isoformat()})

    departure = await world.watcher.departure(request)

    assert departure.request == request
    assert error.found == "its caller there, or answered"


async def test_everything_is_there_only_with_the_last_one(world: World) -> None:
    world.event(event_line("1"))
    error = await world.refused(world.watcher.everything(["1", "2"]))
    world.event(event_line("2"))

    await world.watcher.everything(["1", "2"])

    assert error.found == "all but 2"


async def test_an_execution_ends_by_its_own_events_alone(world: World) -> None:
    world.event(event_line("1", "tocsin.execution.succeeded", executionid="e1"))
    world.event(event_line("2", "tocsin.execution.failed", executionid="e1"))
    world.event(event_line("3", "tocsin.execution.failed", executionid="e2"))
    world.event(event_line("4", "tocsin.job.faulted", executionid="e1"))

    ends = world.watcher.ends("e1")

    assert [arrival.event["id"] for arrival in ends] == ["1", "2"]
