"""The events of `examples/history.json` are what the engine tells, and the reference shows some of them."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.connector.history import TOLD_BY_AN_ENGINE
from shared.connector.rejection import QueueMessage
from shared.events.batch import read_batch
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.messaging.entities import HISTORY, REJECTED
from shared.scheduler.announcements import (
    JobPath,
    SkippedRange,
    SkipReason,
    ToldExecution,
    attempt_event,
    execution_event,
    job_event,
    skipped_event,
)
from shared.settings import Settings
from shared.wire.job import (
    ActionName,
    Job,
    JobExecutionStatus,
    JobHistory,
    JobState,
    JobStatus,
    job_answer,
)
from shared.wire.json_types import JsonObject
from shared.wire.model import read_json
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import opened

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "history.json"
REFERENCE = ROOT / "docs" / "reference" / "events.md"

PATH = JobPath(
    subscription=Settings.model_fields["subscription_id"].default,
    cloud_service="first",
    job_collection="reports",
    job="nightly-report",
)
DEFINITION = read_json(Job, (ROOT / "examples" / "nightly-report.json").read_bytes()).document()
CREATED = datetime(2026, 1, 31, 2, 29, 40, 125_000, UTC)
DUE = CREATED + timedelta(seconds=20)
RECORDED = DUE + timedelta(milliseconds=48)
RETRIED = RECORDED + timedelta(minutes=1, milliseconds=31)
TARGET = "Http Action - Response from host 'reports.example.org':"


def job(state: JobState, **status: Any) -> JsonObject:
    return job_answer({**DEFINITION, "state": state.value}, id=PATH.job, status=JobStatus(**status))


def changed(
    event_type: EventType, cause: str, document: JsonObject, *, is_execution: bool = False
) -> CloudEvent:
    return job_event(
        event_type,
        PATH,
        document=document,
        cause=cause,
        is_execution=is_execution,
        at=RETRIED if is_execution else CREATED,
    )


def execution(number: int, occurrence: datetime = DUE) -> ToldExecution:
    return ToldExecution(
        id=f"5b8f4c1e-7d0a-4f5e-9b57-0c2f6a1d3e{number:02}",
        origin="schedule",
        expected_time=occurrence,
    )


def record(
    status: JobExecutionStatus, answered: str, *, ended_at: datetime, retry_count: int
) -> JsonObject:
    started_at = ended_at - timedelta(milliseconds=46)
    return JobHistory(
        job_id=PATH.job,
        timestamp=started_at,
        start_time=started_at,
        end_time=ended_at,
        state=JobState.ENABLED,
        message=f"{TARGET} '{answered}' Response Headers: Content-Length: 0\r\n Body: ",
        status=status,
        action_name=ActionName.MAIN_ACTION,
        repeat_count=1,
        retry_count=retry_count,
    ).document()


def events() -> list[CloudEvent]:
    """Return an event of every type."""
    failed = record(
        JobExecutionStatus.FAILED, "ServiceUnavailable", ended_at=RECORDED, retry_count=0
    )
    succeeded = record(JobExecutionStatus.COMPLETED, "OK", ended_at=RETRIED, retry_count=1)
    enabled = job(JobState.ENABLED, next_execution_time=DUE)
    disabled = job(JobState.DISABLED)
    ran = {"last_execution_time": DUE, "execution_count": 2, "failure_count": 1}
    missed = SkippedRange(
        id=f"{PATH.subject}/skipped/1",
        reason=SkipReason.MISSED,
        first=DUE + timedelta(days=1),
        last=DUE + timedelta(days=3),
    )
    return [
        changed(EventType.JOB_CREATED, request(1), enabled),
        attempt_event(PATH, execution(1), record=failed, at=RECORDED),
        attempt_event(PATH, execution(1), record=succeeded, at=RETRIED),
        execution_event(
            PATH, execution(1), attempts=2, is_success=True, last=succeeded, at=RETRIED
        ),
        execution_event(PATH, execution(2), attempts=1, is_success=False, last=failed, at=RECORDED),
        skipped_event(PATH, missed, is_open=False, at=DUE + timedelta(days=4)),
        changed(EventType.JOB_UPDATED, request(2), enabled),
        changed(EventType.JOB_DISABLED, request(3), disabled),
        changed(EventType.JOB_ENABLED, request(4), enabled),
        changed(
            EventType.JOB_COMPLETED,
            execution(1).id,
            job(JobState.COMPLETED, **ran),
            is_execution=True,
        ),
        changed(
            EventType.JOB_FAULTED,
            execution(2).id,
            job(JobState.FAULTED, **ran, faulted_count=1),
            is_execution=True,
        ),
        changed(EventType.JOB_DELETED, request(5), disabled),
    ]


def request(number: int) -> str:
    """Return the cause of a change: the request's id and the job's."""
    return f"9e1d3c5b7a0f4e2d8c6b1a3f5e7d9c{number:02}/1"


def test_the_example_holds_an_event_of_every_type_that_an_engine_tells() -> None:
    batch = read_batch(EXAMPLE.read_bytes())

    assert batch.faults == ()
    assert {one.event.type for one in batch.events.values()} == set(TOLD_BY_AN_ENGINE)


async def test_the_example_is_taken_from_the_queue_whole(tmp_path: Path) -> None:
    message = QueueMessage(body=EXAMPLE.read_bytes(), queue=HISTORY, sequence_number=1)
    async with opened(tmp_path, scripted(answer(409))[1]) as world:
        await world.history.publish(message)

        assert [event["id"] for event in await world.events()] == [one.id for one in events()]
        assert await world.broker.peek(REJECTED) == []


def test_the_example_is_what_the_engine_tells() -> None:
    assert json.loads(EXAMPLE.read_bytes()) == [json.loads(event.encode()) for event in events()]


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
