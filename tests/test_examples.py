"""The events of `examples/history.json` are what the engine tells, and the reference shows some of them."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from shared.connector.history import TOLD_BY_AN_ENGINE
from shared.connector.rejection import QueueMessage
from shared.events.batch import read_batch
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.messaging.entities import HISTORY, REJECTED
from shared.scheduler.action import Outcome
from shared.scheduler.actions.echoes import Echoes
from shared.scheduler.actions.record_message import response_message
from shared.wire.json_types import Json
from tests.clocks import FakeClock
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import opened
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    SUBSCRIPTION,
    Stack,
    job_collection,
    open_stack,
)

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "history.json"
REFERENCE = ROOT / "docs" / "reference" / "events.md"
REPORT: dict[str, Json] = json.loads((ROOT / "examples" / "nightly-report.json").read_bytes())

PUT_AT = datetime(2026, 1, 31, 2, 29, 40, 125_000, UTC)
FIRST_AT = datetime(2026, 1, 31, 2, 30, tzinfo=UTC)
YEAR_END_AT = datetime(2026, 2, 5, 2, 30, tzinfo=UTC)
LATE = timedelta(milliseconds=2)
TARGET_TAKES = timedelta(milliseconds=46)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
# Ids are made by counting; from here on they look like any others.
FIRST_ID = 0x9E1D3C5B7A0F4E2D8C6B1A3F5E7D9C00
CLOUD_SERVICE_PATH = f"/{SUBSCRIPTION}/cloudservices/first"
COLLECTION = f"{CLOUD_SERVICE_PATH}/resources/scheduler/JobCollections/reports"
JOBS = COLLECTION.replace("/JobCollections", "/~/JobCollections") + "/jobs"


class Story:
    """Two jobs, from their creation to their deletion; service and engine are the real ones."""

    def __init__(self, stack: Stack, clock: FakeClock) -> None:
        self._stack = stack
        self._clock = clock

    async def told(self) -> list[CloudEvent]:
        """Return everything that was told, in its order."""
        await self._prepare()
        nightly = await self._nightly_report()
        return [*nightly, *await self._year_end_report()]

    async def _prepare(self) -> None:
        await self._stack.call("PUT", CLOUD_SERVICE_PATH, CLOUD_SERVICE)
        await self._stack.call("PUT", COLLECTION, job_collection())
        await self._stack.work()
        self._clock.set(PUT_AT)

    async def _nightly_report(self) -> list[CloudEvent]:
        """It has to be tried again at first; then the engine is down for three of its occurrences."""
        job: dict[str, Json] = {
            **REPORT,
            "startTime": "2026-01-31T02:30:00Z",
            "recurrence": {"frequency": "day", "interval": 1, "count": 2},
        }
        await self._change("PUT", "nightly-report", job)
        await self._attempt(FIRST_AT + LATE, status=503)
        await self._attempt(FIRST_AT + MINUTE + TARGET_TAKES + 2 * LATE)
        await self._attempt(FIRST_AT + 4 * DAY + timedelta(milliseconds=125))
        await self._change("DELETE", "nightly-report")
        return await self._stack.engine.told()

    async def _year_end_report(self) -> list[CloudEvent]:
        """It runs once and fails, with every retry."""
        job: dict[str, Json] = {"startTime": "2026-02-05T02:00:00Z", "action": REPORT["action"]}
        await self._change("PUT", "year-end-report", job)
        await self._change("PATCH", "year-end-report", {"state": "disabled"})
        await self._change("PATCH", "year-end-report", {"state": "enabled"})
        await self._change("PATCH", "year-end-report", {"startTime": "2026-02-05T02:30:00Z"})
        for tried in range(4):
            await self._attempt(
                YEAR_END_AT + LATE + tried * (MINUTE + TARGET_TAKES + LATE),
                status=503,
                is_last=tried == 3,
            )
        await self._change("DELETE", "year-end-report")
        return await self._stack.engine.told()

    async def _change(self, method: str, name: str, body: dict[str, Json] | None = None) -> None:
        reply = await self._stack.call(method, f"{JOBS}/{name}", body or b"")
        assert reply.status in (200, 201), reply.body
        await self._clock.advance(timedelta(milliseconds=250))

    async def _attempt(self, at: datetime, *, status: int = 200, is_last: bool = False) -> None:
        """Run what is due at this instant, and its error action after the `is_last` of its tries."""
        action = self._stack.engine.action
        action.outcomes += [self._outcome(at, status), *([self._outcome(at, 200)] * is_last)]
        action.meanwhile += [self._pass_time] * (1 + is_last)
        attempts = len(action.attempts)
        await self._stack.engine.step(at - self._clock.now())
        assert len(action.attempts) == attempts + 1 + is_last

    async def _pass_time(self) -> None:
        await self._clock.advance(TARGET_TAKES)

    def _outcome(self, at: datetime, status: int) -> Outcome:
        date = format_datetime(at, usegmt=True).encode()
        headers = [(b"Date", date), (b"Content-Length", b"0")]
        message = response_message("reports.example.org", status, headers, b"", Echoes())
        return Outcome(is_success=status == 200, message=message)


async def events(folder: Path) -> list[CloudEvent]:
    clock = FakeClock(PUT_AT - MINUTE)
    async with open_stack(folder, clock, ids=FIRST_ID) as stack:
        return await Story(stack, clock).told()


def test_the_example_holds_an_event_of_every_type_that_an_engine_tells() -> None:
    batch = read_batch(EXAMPLE.read_bytes())

    assert batch.faults == ()
    assert {one.event.type for one in batch.events.values()} == set(TOLD_BY_AN_ENGINE)


async def test_the_example_is_taken_from_the_queue_whole(tmp_path: Path) -> None:
    message = QueueMessage(body=EXAMPLE.read_bytes(), queue=HISTORY, sequence_number=1)
    async with opened(tmp_path, scripted(answer(409))[1]) as world:
        await world.history.publish(message)

        told = [event["id"] for event in json.loads(EXAMPLE.read_bytes())]
        assert [event["id"] for event in await world.events()] == told
        assert await world.broker.peek(REJECTED) == []


async def test_the_example_is_what_the_engine_tells(tmp_path: Path) -> None:
    told = [json.loads(event.encode()) for event in await events(tmp_path)]

    assert json.loads(EXAMPLE.read_bytes()) == told


def test_the_events_of_the_reference_are_among_those_of_the_example() -> None:
    shown = [
        json.loads(block)
        for block in re.findall(r"```json\n(.*?)```", REFERENCE.read_text(), re.DOTALL)
    ]

    assert len(shown) >= 4
    known = json.loads(EXAMPLE.read_bytes())
    assert [one for one in shown if one not in known] == []


def test_the_reference_names_every_type() -> None:
    named = set(re.findall(r"^\| `(tocsin\.[a-z.]+)` \|", REFERENCE.read_text(), re.MULTILINE))

    assert named == set(EventType)
