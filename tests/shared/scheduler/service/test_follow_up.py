import logging
from collections.abc import AsyncIterator
from dataclasses import replace

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
from tests.shared.scheduler.engine_stack import EngineStack
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


async def test_the_engine_is_told_of_changes_alone(ready: Stack) -> None:
    async def rings(method: str, target: str, body: str = "") -> int:
        before = ready.bell.rings
        await ready.call(method, target, body)
        return ready.bell.rings - before

    await ready.call("PUT", A, JOB)

    assert await rings("PATCH", A, '{"state": "disabled"}') == 1
    assert await rings("POST", f"{A}/run") == 1
    assert await rings("GET", A) == 0
    assert await rings("PATCH", A, '{"state": "final"}') == 0
    assert await rings("DELETE", f"{JOBS}/none") == 0
    assert await rings("DELETE", A) == 1


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
    follow_up = FollowUp(unreachable, on_change=bell.ring)
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
