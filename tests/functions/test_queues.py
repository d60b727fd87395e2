import json
from datetime import timedelta
from pathlib import Path

import pytest

from functions.queues import (
    accept_command,
    accept_ordered_command,
    deliver_events,
    execute_operation,
    publish_history,
)
from shared.bootstrap import Application, use
from shared.host.messages import one_message
from shared.messaging.entities import COMMANDS
from shared.messaging.message import Message
from shared.messaging.redrive import redrive
from shared.settings import Settings
from tests.clocks import FakeClock
from tests.functions.requests import JOB, JOB_PATH, message, operations_of
from tests.shared.host.hosting import open_broker, running
from tests.shared.host.sessions import TURNS, turns_app
from tests.traces import TRACEPARENT

COMMAND = {"command": "CreateOrUpdateJob", "resource": JOB_PATH, "body": JOB}


async def test_p1_a_command_message_is_an_operation_when_the_function_returns(
    app: Application,
) -> None:
    await accept_command(message(json.dumps(COMMAND).encode()))

    (operation,) = await operations_of(app)
    assert (operation.resource, operation.caller) == (JOB_PATH, "queue:commands")


async def test_p1_a_message_of_the_ordered_queue_has_a_caller_of_its_own(app: Application) -> None:
    await accept_ordered_command(message(json.dumps(COMMAND).encode()))

    (operation,) = await operations_of(app)
    assert (operation.resource, operation.caller) == (JOB_PATH, "queue:commands-ordered")


@pytest.mark.parametrize(
    ("properties", "kept"),
    [
        ({"traceparent": TRACEPARENT}, TRACEPARENT),
        ({"Diagnostic-Id": TRACEPARENT}, TRACEPARENT),
        ({"traceparent": TRACEPARENT, "Diagnostic-Id": "|another.form."}, TRACEPARENT),
        ({"traceparent": 7}, None),
        ({"Diagnostic-Id": "|another.form."}, None),
    ],
)
async def test_p10_a_message_is_accepted_in_the_trace_that_its_properties_name_or_in_none(
    app: Application, properties: dict[str, str | int], kept: str | None
) -> None:
    await accept_command(message(json.dumps(COMMAND).encode(), properties=properties))

    (operation,) = await operations_of(app)
    assert operation.traceparent == kept


async def test_p10_what_another_scheduler_does_not_know_is_rejected(
    classic_app: Application,
) -> None:
    commands = [COMMAND, {"command": "RunJob", "resource": JOB_PATH}]

    await accept_command(message(json.dumps(commands).encode()))

    (event,) = await classic_app.event_log.read(since=0, limit=10)
    told = json.loads(event.structured)
    assert told["type"] == "tocsin.command.rejected"
    assert [fault["target"] for fault in told["data"]["faults"]] == ["$[1].command"]
    assert await operations_of(classic_app) == []


async def test_p3_a_command_that_cannot_be_accepted_is_not_overtaken_by_the_next_of_its_session(
    app: Application, tmp_path: Path
) -> None:
    clock = app.clock
    assert isinstance(clock, FakeClock)
    blocker = tmp_path / "folder"
    blocker.write_text("no folder")
    away = Application(Settings(data_dir=blocker / "data"), clock=clock)
    commands = [COMMAND, {"command": "DeleteJob", "resource": JOB_PATH}]
    messages = [
        Message(body=json.dumps(command).encode(), message_id=f"m{number}", session_id="a")
        for number, command in enumerate(commands)
    ]

    async with open_broker(tmp_path, clock) as broker:
        use(away)
        async with running(turns_app(accept_ordered_command), broker=broker, clock=clock):
            await broker.send(TURNS, messages)
            await clock.advance(timedelta(minutes=3))
            use(app)
            for _ in range(60):
                await clock.advance(timedelta(seconds=1))

    operations = await operations_of(app)
    assert [each.command for each in reversed(operations)] == ["CreateOrUpdateJob", "DeleteJob"]


async def test_p4_a_message_that_is_delivered_twice_is_one_operation(app: Application) -> None:
    for deliveries in (1, 2):
        await accept_command(message(json.dumps(COMMAND).encode(), deliveries=deliveries))

    assert len(await operations_of(app)) == 1


@pytest.mark.parametrize("message_id", [None, "m1"])
async def test_p4_a_command_that_was_accepted_before_it_was_given_up_has_one_effect_when_redriven(
    app: Application, message_id: str | None
) -> None:
    await app.broker.send(
        COMMANDS, [Message(body=json.dumps(COMMAND).encode(), message_id=message_id)]
    )
    receiver = app.broker.receiver(COMMANDS)
    (received,) = await receiver.receive(max_messages=1, max_wait=timedelta(0))
    await accept_command(one_message(received))
    await receiver.dead_letter(received, reason="MaxDeliveryCountExceeded", description="")

    await redrive(app.broker, COMMANDS, limit=1)
    (again,) = await receiver.receive(max_messages=1, max_wait=timedelta(0))
    await accept_command(one_message(again))

    assert len(await operations_of(app)) == 1


async def test_p10_a_message_that_is_no_command_ends_in_rejected_with_an_event(
    app: Application,
) -> None:
    await accept_command(message(b'{"command": "Sing"}'))

    (rejected,) = await app.broker.peek("rejected", max_messages=10)
    (event,) = await app.event_log.read(since=0, limit=10)
    assert rejected.message.application_properties["DeadLetterReason"] == "BadRequest"
    assert event.event.type == "tocsin.command.rejected"


async def test_what_an_engine_tells_is_in_the_log_when_the_function_returns(
    app: Application,
) -> None:
    event = {
        "specversion": "1.0",
        "id": "x-1/end",
        "source": f"/subscriptions/{app.settings.subscription_id}",
        "type": "tocsin.execution.succeeded",
    }

    await publish_history(message(json.dumps([event, "no event"]).encode()))

    (published,) = await app.event_log.read(since=0, limit=10)
    (rejected,) = await app.broker.peek("rejected", max_messages=10)
    assert published.event.id == "x-1/end"
    assert rejected.message.application_properties["SourceQueue"] == "history"


@pytest.mark.parametrize("function", [execute_operation, deliver_events])
@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 9999, b'{"id": "nobody", "attempt": 0}'])
async def test_p10_a_forged_wake_up_wakes_nobody(
    app: Application, function: object, body: bytes
) -> None:
    assert callable(function)

    await function(message(body))

    assert await app.event_log.read(since=0, limit=10) == []
