"""What callers and servers write reaches a row, or is refused: PostgreSQL takes no NUL and no half surrogate pair."""

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.connector.listing import OperationFilter, read_filter
from shared.connector.operations import OperationStatus
from shared.connector.rejection import QueueMessage
from shared.errors import InvalidRequestError
from shared.messaging.entities import REJECTED
from tests.postgresql.rivals import rival_connectors
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import JC, REPLIES, World, commands, message, put_job

NUL, SURROGATE = "a\0b", "a\ud800b"
ODD = {"nul": NUL, "surrogate": SURROGATE}
TEXTS = (
    "message_id",
    "correlation_id",
    "traceparent",
    "idempotency_key",
    "reply_to",
    "reply_to_session_id",
)
COMMANDS: dict[str, dict[str, Any]] = {
    "good": put_job(),
    "bad": {"nope": 1},
    **{f"ifMatch {name}": put_job(ifMatch=odd) for name, odd in ODD.items()},
    **{f"resource {name}": put_job(odd) for name, odd in ODD.items()},
    **{f"command {name}": {**put_job(), "command": odd} for name, odd in ODD.items()},
    **{f"member {name}": {**put_job(), odd: odd} for name, odd in ODD.items()},
    **{
        f"query {name}": message("ListJobs", f"{JC}/jobs", query={"$filter": odd})
        for name, odd in ODD.items()
    },
}


@pytest.fixture
async def world(postgres_url: str, tmp_path: Path) -> AsyncIterator[World]:
    said = b'{"code": "a\\u0000b", "message": "\\u0000"}'
    client = scripted(answer(400, said))[1]
    async with rival_connectors(postgres_url, tmp_path, client, count=1) as (world,):
        yield world


async def test_p10_no_text_of_a_message_keeps_it_in_the_queue(world: World) -> None:
    properties = [{text: odd} for text, odd in itertools.product(TEXTS, ODD.values())]
    numbers = itertools.count(1)
    rejected = 0
    for one, (name, command) in itertools.product([{}, *properties], COMMANDS.items()):
        number = next(numbers)
        known = {"message_id": f"m{number}", "reply_to": REPLIES, **one}
        content = json.dumps(command).encode()
        accepted = await world.connector.accept_message(
            QueueMessage(body=content, queue="commands", sequence_number=number, **known)
        )
        assert name == "good" or not accepted, (name, one)
        rejected += not accepted

    assert len(await world.events()) == rejected
    copies = await world.broker.peek(REJECTED, max_messages=250)
    assert len(copies) == rejected


async def test_p10_reply_cannot_be_told_by_a_correlation_id_that_is_changed(world: World) -> None:
    accepted = await world.connector.accept_message(
        QueueMessage(
            body=json.dumps(put_job()).encode(),
            queue="commands",
            sequence_number=1,
            correlation_id=NUL,
        )
    )

    assert [one.correlation_id for one in accepted] == ["a%00b"]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_p10_texts_of_a_request_are_kept_or_faults(world: World, odd: str) -> None:
    with pytest.raises(InvalidRequestError):
        await world.connector.accept(
            commands(put_job()), caller="key", key=odd, correlation_id=None
        )
    (accepted,) = await world.connector.accept(
        commands(put_job()), caller="key", key=None, correlation_id=odd
    )

    assert await world.operation(accepted) == accepted


async def test_p10_list_below_an_odd_path_is_empty(world: World) -> None:
    wanted = read_filter({"resource": f"/cloudservices/{NUL}"})

    assert (await world.connector.operations(wanted)).operations == []


async def test_p10_what_the_scheduler_says_ends_the_operation(world: World) -> None:
    await world.accept(put_job())
    await world.run()

    (operation,) = (await world.connector.operations(OperationFilter())).operations

    assert operation.status is OperationStatus.FAILED
    assert operation.error is not None
    assert operation.error.code == "a\ufffdb"
