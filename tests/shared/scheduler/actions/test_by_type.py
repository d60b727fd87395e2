from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from shared.scheduler.action import Attempt, Outcome, sealing_context
from shared.scheduler.actions.by_type import ActionByType
from shared.scheduler.actions.service_bus import ServiceBusAction
from shared.scheduler.actions.storage_queue import StorageQueueAction
from shared.wire.action import ALL_PAYLOADS
from shared.wire.job import ActionName, JobExecutionStatus
from shared.wire.json_types import JsonObject
from tests.clocks import FakeClock
from tests.shared.scheduler.actions.azurite import ACCOUNT, Azurite, member_of
from tests.shared.scheduler.actions.calling import LOOPBACK, SEALER, attempt, http_action
from tests.shared.scheduler.actions.service_bus_target import (
    KEY,
    KEY_NAME,
    ServiceBusTarget,
)
from tests.shared.scheduler.engine_stack import EngineStack, open_engine
from tests.shared.scheduler.running import MINUTE, BugError, break_down, put_once


@dataclass
class Remembering:
    """Remembers what it was asked to do."""

    payloads: set[str] = field(default_factory=set)
    is_closed: bool = False

    async def execute(self, attempt: Attempt) -> Outcome:
        self.payloads |= attempt.action.keys()
        return Outcome(is_success=True, message="done")

    async def close(self) -> None:
        self.is_closed = True


async def test_each_attempt_goes_to_what_carries_out_its_type() -> None:
    http, storage_queue, service_bus = Remembering(), Remembering(), Remembering()
    action = ActionByType(http=http, storage_queue=storage_queue, service_bus=service_bus)

    for payload in ALL_PAYLOADS:
        outcome = await action.execute(replace(attempt("http://h/"), action={payload: {}}))
        assert outcome.is_success

    assert http.payloads == {"request"}
    assert storage_queue.payloads == {"queueMessage"}
    assert service_bus.payloads == {"serviceBusQueueMessage", "serviceBusTopicMessage"}


async def test_what_is_polled_is_http_whatever_the_job_does_by_now() -> None:
    http, queues = Remembering(), Remembering()
    action = ActionByType(http=http, storage_queue=queues, service_bus=queues)
    polled = replace(attempt("http://h/"), action={"queueMessage": {}}, poll_uri="http://h/1")

    await action.execute(polled)

    assert (http.payloads, queues.payloads) == ({"queueMessage"}, set())


async def test_all_are_closed() -> None:
    http, storage_queue, service_bus = Remembering(), Remembering(), Remembering()

    await ActionByType(http=http, storage_queue=storage_queue, service_bus=service_bus).close()

    assert [each.is_closed for each in (http, storage_queue, service_bus)] == [True] * 3


def stored(secret: str) -> str:
    """Return a secret as it is stored with the job J of the engine's stack."""
    names = {"subscription": "s1", "cloud_service": "Cs1", "job_collection": "Jc1", "job": "J"}
    return SEALER.seal(secret, context=sealing_context(**names))


def to_service_bus() -> JsonObject:
    authentication: JsonObject = {
        "type": "sharedAccessKey",
        "sasKeyName": KEY_NAME,
        "sasKey": stored(KEY),
    }
    message: JsonObject = {
        "queueName": "q1",
        "namespace": "n1",
        "authentication": authentication,
        "message": "it failed",
    }
    return {"type": "serviceBusQueue", "serviceBusQueueMessage": message}


def to_storage(queue: str, token: str) -> JsonObject:
    message: JsonObject = {
        "storageAccount": ACCOUNT,
        "queueName": queue,
        "sasToken": stored(token),
        "message": "it failed",
    }
    return {"type": "storageQueue", "queueMessage": message}


@pytest.fixture
async def engine(
    tmp_path: Path, target: ServiceBusTarget, azurite: Azurite
) -> AsyncIterator[EngineStack]:
    """An engine with real actions, against Azurite and a broker of ours."""
    clock = FakeClock()
    action = ActionByType(
        http=http_action(),
        storage_queue=StorageQueueAction(LOOPBACK, sealer=SEALER, endpoint=azurite.endpoint),
        service_bus=ServiceBusAction(sealer=SEALER, endpoint=target.endpoint, clock=clock),
    )
    folder = tmp_path / "engine"
    folder.mkdir()
    async with open_engine(folder, clock) as engine:
        engine.action.real = action
        yield engine
    await action.close()


async def told_by(engine: EngineStack) -> list[tuple[ActionName, int, JobExecutionStatus, str]]:
    """Return what the records of the job say of its attempts, in their order."""
    records = reversed(await engine.history("J"))
    return [
        (record.action_name, record.retry_count, record.status, record.message or "")
        for record in records
    ]


async def test_a_storage_queue_that_is_missing_is_tried_again_and_then_service_bus_is_told(
    engine: EngineStack, azurite: Azurite, target: ServiceBusTarget
) -> None:
    policy: JsonObject = {
        "retryType": "fixed",
        "retryInterval": "00:00:30",
        "retryCount": 1,
    }
    main = to_storage("nowhere", azurite.sas("nowhere"))
    await put_once(engine, does={**main, "retryPolicy": policy, "errorAction": to_service_bus()})

    await engine.step(MINUTE)
    await engine.step(MINUTE / 2)

    failed = "StorageQueue Action - The queue 'nowhere' does not exist in storage account 'tocsin'"
    sent = "ServiceBusQueue Action - Message succeeded: queue 'q1' of namespace 'n1'"
    assert await told_by(engine) == [
        (ActionName.MAIN_ACTION, 0, JobExecutionStatus.FAILED, failed),
        (ActionName.MAIN_ACTION, 1, JobExecutionStatus.FAILED, failed),
        (ActionName.ERROR_ACTION, 0, JobExecutionStatus.COMPLETED, sent),
    ]
    [message] = await target.messages("q1")
    assert (message.body, message.message_id) == (b"it failed", "x1")


async def test_a_storage_queue_is_told_of_a_request_that_fails(
    engine: EngineStack, azurite: Azurite
) -> None:
    queue = azurite.queue("errors")
    request: JsonObject = {"method": "POST", "uri": "http://127.0.0.1:1/"}
    main: JsonObject = {"type": "http", "request": request, "retryPolicy": {"retryType": "none"}}
    error_action = to_storage(queue, azurite.sas(queue))
    await put_once(engine, does={**main, "errorAction": error_action})

    await engine.step(MINUTE)

    assert [status for _, _, status, _ in await told_by(engine)] == [
        JobExecutionStatus.FAILED,
        JobExecutionStatus.COMPLETED,
    ]
    [document] = azurite.messages(queue)
    assert member_of(document, "ExecutionTag") == "x1"
    assert member_of(document, "ExpectedExecutionTime") == "2026-01-01T12:01:00"
    assert member_of(document, "Message") == "it failed"


async def test_an_attempt_that_was_lost_is_repeated_and_its_queue_drops_the_second_message(
    engine: EngineStack, target: ServiceBusTarget
) -> None:
    action = to_service_bus()
    message = action["serviceBusQueueMessage"]
    assert isinstance(message, dict)
    message["queueName"] = "unique"
    await put_once(engine, does=action)
    await engine.clock.advance(MINUTE)
    await engine.ticker.tick()
    engine.action.meanwhile = [break_down]
    with pytest.raises(BugError):
        await engine.work()
    await engine.clock.advance(MINUTE + MINUTE / 2)  # the lease
    await engine.sweep.run_once(engine.clock.now())

    await engine.work()

    assert target.ids == ["x1", "x1"]
    assert len(await target.messages("unique")) == 1
