import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from functions.sqs import take_sqs_commands
from shared.bootstrap import Application, use
from shared.key_ring import create_key_file
from shared.settings import Settings
from tests.clocks import FakeClock
from tests.functions.requests import JOB, JOB_PATH, operations_of
from tests.shared.aws.moto_queue import FilledMoto, filled_moto
from tests.shared.events.sinks.aws_destinations import REGION
from tests.traces import TRACEPARENT

COMMAND = json.dumps({"command": "CreateOrUpdateJob", "resource": JOB_PATH, "body": JOB})
DELETE = json.dumps({"command": "DeleteJob", "resource": JOB_PATH})


@pytest.fixture
async def filled(moto: str) -> AsyncIterator[FilledMoto]:
    async with filled_moto(moto) as filled:
        yield filled


@asynccontextmanager
async def taking_from(
    filled: FilledMoto, folder: Path, certificate: Path
) -> AsyncIterator[Application]:
    create_key_file(folder / "data-key.json")
    settings = Settings(
        data_dir=folder,
        scheduler_url="https://127.0.0.1:1",
        client_certificate=certificate,
        data_key_file=folder / "data-key.json",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        aws_region=REGION,
        aws_endpoint=filled.endpoint,
        sqs_commands_url=filled.url,
    )
    app = Application(settings, clock=FakeClock())
    use(app)
    await app.open()
    try:
        yield app
    finally:
        await app.close()


@pytest.fixture
async def app(tmp_path: Path, certificate: Path, filled: FilledMoto) -> AsyncIterator[Application]:
    async with taking_from(filled, tmp_path, certificate) as app:
        yield app


async def take() -> None:
    await take_sqs_commands(None)


async def test_p10_of_a_batch_commands_are_accepted_and_what_is_none_is_rejected(
    app: Application, filled: FilledMoto
) -> None:
    filled.send_with(COMMAND, {"correlationId": "c1", "traceparent": TRACEPARENT})
    filled.send('{"command": "Sing"}')
    filled.send("no JSON")

    await take()

    (operation,) = await operations_of(app)
    name = filled.queue.name
    assert (operation.caller, operation.correlation_id) == (f"sqs:{name}", "c1")
    assert operation.traceparent == TRACEPARENT
    rejected = await app.broker.peek("rejected", max_messages=10)
    assert [one.message.application_properties["SourceQueue"] for one in rejected] == [name] * 2
    told = await app.event_log.read(since=0, limit=10)
    assert [one.event.type for one in told] == ["tocsin.command.rejected"] * 2
    assert filled.left() == 0


async def test_p4_a_message_that_comes_again_or_has_the_same_key_is_one_operation(
    app: Application, filled: FilledMoto
) -> None:
    for _ in range(2):
        filled.send_with(DELETE, {"Idempotency-Key": "k1"})
    await take()
    filled.send_with(DELETE, {"Idempotency-Key": "k1"})
    filled.send_with(COMMAND, {"Idempotency-Key": "k1"})
    await take()

    assert [each.command for each in await operations_of(app)] == ["DeleteJob"]
    (conflict,) = await app.event_log.read(since=0, limit=10)
    assert conflict.event.type == "tocsin.command.rejected"


async def test_p3_commands_of_a_group_are_accepted_in_its_order(
    moto: str, tmp_path: Path, certificate: Path
) -> None:
    async with (
        filled_moto(moto, is_fifo=True) as filled,
        taking_from(filled, tmp_path, certificate) as app,
    ):
        for count in range(6):
            filled.send([COMMAND, DELETE][count % 2], group="g", deduplication_id=f"d{count}")

        await take()

        found = [each.command for each in reversed(await operations_of(app))]
        assert found == ["CreateOrUpdateJob", "DeleteJob"] * 3
