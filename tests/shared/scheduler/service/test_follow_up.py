import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import HISTORY
from shared.messaging.wake_up import WakeUp
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.service.answering import Answering
from shared.scheduler.service.app import SchedulerService
from shared.scheduler.service.endpoints import Endpoints
from shared.scheduler.service.follow_up import FollowUp
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.wire.json_types import Json
from tests.clocks import START
from tests.shared.scheduler.engine_stack import RUN_NOW_DELAY, EngineStack
from tests.shared.scheduler.scheduler_stack import CS, JOB, JOBS, EngineBell, Stack

A = f"{JOBS}/a"


@pytest.fixture
async def unreachable(ready: Stack) -> AsyncIterator[Outgoing]:
    """The same rows, and a namespace without the queue that they go to."""
    broker = EmbeddedBroker(ready.database, clock=ready.clock, queues=())
    yield Outgoing(ready.database, SqlOutgoing(), broker)
    await broker.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.action for one in caplog.records if one.levelno == logging.WARNING]  # type: ignore[attr-defined]


async def test_the_engine_is_told_when_a_job_that_was_changed_is_due_and_of_nothing_else(
    ready: Stack,
) -> None:
    async def told(method: str, target: str, body: str | dict[str, Json] = "") -> datetime | None:
        ready.bell.occurrence = None
        await ready.call(method, target, body)
        return ready.bell.occurrence

    at = START + timedelta(days=7)
    later: dict[str, Json] = {"startTime": at.isoformat()}

    assert await told("PUT", A, JOB) == START + RUN_NOW_DELAY
    assert await told("PUT", A, JOB | later) == at
    assert await told("POST", f"{A}/run") is None
    assert await told("GET", A) is None
    assert await told("PATCH", A, '{"state": "final"}') is None
    assert await told("PATCH", A, '{"state": "disabled"}') is None
    assert await told("PATCH", A, '{"state": "enabled"}') == at
    assert await told("DELETE", f"{JOBS}/none") is None
    assert await told("DELETE", A) is None


async def test_the_engine_looks_at_once_after_a_change_of_all_jobs(ready: Stack) -> None:
    await ready.call("PUT", A, JOB)
    ready.bell.occurrence = None

    await ready.call("PATCH", JOBS, '{"state": "disabled"}')

    assert ready.bell.occurrence == START


async def test_an_engine_that_fails_costs_no_request(
    ready: Stack, engine: EngineStack, caplog: pytest.LogCaptureFixture
) -> None:
    ready.bell.broken = True

    created = await ready.call("PUT", A, JOB)

    assert created.status == 201
    assert warnings(caplog) == ["wake"]
    assert [event.type for event in await engine.told()] == ["tocsin.job.created"]


async def test_p7_what_cannot_be_told_at_once_costs_no_request_and_is_told_later(
    ready: Stack, engine: EngineStack, unreachable: Outgoing, caplog: pytest.LogCaptureFixture
) -> None:
    bell = EngineBell()
    endpoints = Endpoints(
        ready.store,
        ready.job_changes,
        certificates=ready.certificates,
        sealer=ready.sealer,
        new_id=lambda: "b" * 32,
        clock=ready.clock,
    )
    follow_up = FollowUp(unreachable, on_planned=bell.ring)
    app = SchedulerService(
        Answering(ready.database, endpoints, ready.operations, follow_up=follow_up),
        ready.authentication,
        clock=ready.clock,
        new_id=lambda: "a" * 32,
    )

    created = await replace(ready, app=app).call("PUT", A, JOB)

    assert (created.status, bell.rings) == (201, 1)
    assert warnings(caplog) == ["tell"]
    assert [event.type for event in await engine.told()] == ["tocsin.job.created"]


async def test_what_is_told_has_been_handed_over_when_the_change_is_answered(ready: Stack) -> None:
    async def handed_over() -> int:
        return len(await ready.broker.peek(HISTORY, max_messages=10))

    await ready.call("PUT", A, JOB)
    assert await handed_over() == 1

    deleted = await ready.call("DELETE", CS)
    assert await handed_over() == 1
    await ready.operations.run(WakeUp(deleted.request_id, 0))
    assert await handed_over() == 2
