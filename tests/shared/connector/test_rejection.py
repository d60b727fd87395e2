"""Messages that are no commands."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connector.rejection import QueueMessage, masked
from shared.messaging.broker import Broker
from shared.messaging.entities import COMMANDS, OPERATIONS, REJECTED
from shared.messaging.message import StoredMessage
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import JC, JOB, World, message, opened, put_job
from tests.traces import TRACEPARENT

SECRETS = ("password", "Pfx", "secret", "sasToken", "sasKey")


def queue_message(body: bytes, number: int = 1, **members: Any) -> QueueMessage:
    return QueueMessage(body=body, queue=COMMANDS, sequence_number=number, **members)


async def rejected(broker: Broker) -> list[StoredMessage]:
    return await broker.peek(REJECTED, max_messages=100)


@pytest.fixture
def client() -> Any:
    return scripted(answer(409))[1]


BAD_BODIES = [
    b"",
    b"no JSON",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'"\\ud800"',
    json.dumps(["x"] * 101).encode(),
    json.dumps({"command": "Frobnicate", "resource": "/x"}).encode(),
    json.dumps(put_job() | {"resource": "/elsewhere"}).encode(),
    json.dumps(put_job() | {"deadline": "P9D"}).encode(),
    json.dumps([put_job(), put_job() | {"body": {"action": {"type": "mail"}}}]).encode(),
    json.dumps(put_job()).encode() + b" " * 256 * 1024,
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
async def test_p10_message_that_is_no_command_is_copied_and_told(
    tmp_path: Path, client: Any, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, client) as world:
        accepted = await world.connector.accept_message(
            queue_message(body, 7, message_id="m1", correlation_id="c1", traceparent=TRACEPARENT)
        )
        (copy,) = await rejected(world.broker)
        (event,) = await world.events()
        operations = await world.operations()

    properties = copy.message.application_properties
    assert (accepted, operations) == ([], [])
    assert (copy.message.message_id, copy.message.correlation_id) == ("m1", "c1")
    assert properties["DeadLetterReason"] == "BadRequest"
    assert properties["SourceQueue"] == COMMANDS
    assert event["type"] == "tocsin.command.rejected"
    assert (event["id"], event["correlationid"]) == ("commands/7/m1/rejected", "c1")
    assert event["traceparent"] == TRACEPARENT
    assert event["data"]["faults"][0]["target"] in str(properties["DeadLetterErrorDescription"])
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1


async def test_p10_a_trace_that_is_none_is_none_of_a_rejection(tmp_path: Path, client: Any) -> None:
    async with opened(tmp_path, client) as world:
        await world.connector.accept_message(queue_message(b"no", traceparent="no\x00ne"))
        (event,) = await world.events()

    assert "traceparent" not in event


async def test_p10_rejection_delivered_twice_is_told_once(tmp_path: Path, client: Any) -> None:
    async with opened(tmp_path, client) as world:
        for _ in range(2):
            await world.connector.accept_message(queue_message(b"no", message_id="m1"))
        await world.connector.accept_message(queue_message(b"no", 2, message_id="m1"))

        assert len(await rejected(world.broker)) == 2
        assert [event["id"] for event in await world.events()] == [
            "commands/1/m1/rejected",
            "commands/2/m1/rejected",
        ]


async def test_p4_same_message_id_with_another_command_is_rejected(
    tmp_path: Path, client: Any
) -> None:
    async with opened(tmp_path, client) as world:
        for number, job in enumerate(("a", "b")):
            body = json.dumps(put_job(job)).encode()
            await world.connector.accept_message(queue_message(body, number, message_id="m1"))
        (copy,) = await rejected(world.broker)
        (event,) = await world.events()

        assert len(await world.operations()) == 1
    assert copy.message.application_properties["DeadLetterReason"] == "ConflictError"
    assert event["id"] == "commands/1/m1/rejected"


async def test_p4_redelivered_message_is_the_same_operation(tmp_path: Path, client: Any) -> None:
    async with opened(tmp_path, client) as world:
        for message_id in ("m1", None):
            body = json.dumps([put_job("a"), put_job("b")]).encode()
            first = await world.connector.accept_message(
                queue_message(body, 5, message_id=message_id)
            )
            again = await world.connector.accept_message(
                queue_message(body, 5, message_id=message_id)
            )
            assert again == first

        assert len(await world.operations()) == 4
        assert await rejected(world.broker) == []


async def test_array_with_one_bad_command_accepts_none_and_names_each_fault(
    tmp_path: Path, client: Any
) -> None:
    bad = [put_job(), message("DeleteJob", "/x"), message("Nothing", "/y")]
    async with opened(tmp_path, client) as world:
        await world.connector.accept_message(queue_message(json.dumps(bad).encode()))
        (event,) = await world.events()

        assert await world.broker.peek(OPERATIONS) == []
    targets = [fault["target"] for fault in event["data"]["faults"]]
    assert targets == ["$[1].resource", "$[2].command"]


@pytest.mark.parametrize("odd", ["\x00\x1f", "a" * 5000, "\ufffe", "ü"])
async def test_p10_odd_ids_break_no_transaction(tmp_path: Path, client: Any, odd: str) -> None:
    async with opened(tmp_path, client) as world:
        for number, body in enumerate((b"no", json.dumps(put_job()).encode())):
            await world.connector.accept_message(
                queue_message(body, number, message_id=f"m{odd}", correlation_id=odd)
            )
        await world.run()

        assert await world.events()


async def leaks(world: World, body: bytes) -> bool:
    await world.connector.accept_message(queue_message(body))
    (copy,) = await rejected(world.broker)
    seen = copy.message.body.decode() + str(copy.message.application_properties)
    return "geheim" in (seen + str(await world.events())).replace("\x00", "")


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "form",
    [
        '{{"x": {{"{}": "geheim"}}}}',
        '{{"command": "CreateOrUpdateJob", "body": "{{\\"{}\\": \\"geheim\\"}}"}}',
        '{{"{}": ["geheim"]}}',
        '{{"body": {{"{}": "geheim" broken',
        '{{"{}": "geheim',
        "{{'{}': 'geheim'}}",
        "{}=geheim&x=1",
        "<{0}>geheim</{0}>",
        "{} geheim",
        '"{} is geheim"',
        '["geheim", {{"{}": "x"}}]',
        '{{"command": "x", "note": "{} geheim"}}',
        '{{"command": {{"{}": "geheim"}}, "body": {{"command": "geheim"}}}}',
        '{{"body": {{"headers": {{"{}": "geheim"}}}}}}',
        '{{"geheim {}": 1}}',
        '{{"command": "GetJob", "body": {{"a-geheim.{}": {{"geheim\'": 1}}}}}}',
    ],
)
async def test_p8_copy_and_event_hold_no_secret(
    tmp_path: Path, client: Any, name: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, client) as world:
        assert not await leaks(world, form.format(name).encode())

    assert "geheim" not in caplog.text


async def test_p8_secret_in_utf_16_is_masked(tmp_path: Path, client: Any) -> None:
    async with opened(tmp_path, client) as world:
        assert not await leaks(world, '{"password": "geheim"'.encode("utf-16"))


async def test_p8_secret_in_a_malformed_command_is_masked(tmp_path: Path, client: Any) -> None:
    action: dict[str, Any] = {"action": {**JOB["action"], "type": "geheimnis"}}
    action["action"]["request"] = {"authentication": {"type": "Basic", "password": ["geheim"]}}
    body = json.dumps(message("CreateOrUpdateJob", f"{JC}/jobs/a", action)).encode()
    async with opened(tmp_path, client) as world:
        await world.connector.accept_message(queue_message(body))
        (copy,) = await rejected(world.broker)

    assert b"geheim" not in copy.message.body


async def test_p8_copy_of_a_command_shows_which_it_is_and_its_shape(
    tmp_path: Path, client: Any
) -> None:
    job = {"state": "odd", "n": 1, "password": 2, "x-odd": [True, None, "s"], "y odd": {}}
    body = json.dumps([message("Launch", "/rocket", job), "text", ["nested"]]).encode()
    async with opened(tmp_path, client) as world:
        await world.connector.accept_message(queue_message(body))
        (copy,) = await rejected(world.broker)

    shape = {"state": "***", "n": 1, "***2": [True, None, "***"], "***3": {}}
    assert json.loads(copy.message.body) == [
        {"command": "Launch", "resource": "/rocket", "body": shape},
        "***",
        ["***"],
    ]


@pytest.mark.parametrize(
    "body", [b"geheim", b"", b"[1e999]", b"[" + b'"",' * 60_000 + b'""]'], ids=range(4)
)
def test_p8_body_that_cannot_be_copied_is_told_from_others(body: bytes) -> None:
    digest = hashlib.sha256(body).hexdigest()

    assert json.loads(masked(body)) == {"unreadable": True, "bytes": len(body), "sha256": digest}


async def test_p8_unknown_member_is_masked_in_the_faults(tmp_path: Path, client: Any) -> None:
    command = put_job() | {"geheim-1": 1, "geheim_2": 1, "known": 1}
    async with opened(tmp_path, client) as world:
        await world.connector.accept_message(queue_message(json.dumps([command]).encode()))
        (copy,) = await rejected(world.broker)
        (event,) = await world.events()

    targets = [fault["target"] for fault in event["data"]["faults"]]
    assert targets == ["$[0]['***']", "$[0]['***']", "$[0].known"]
    description = str(copy.message.application_properties["DeadLetterErrorDescription"])
    assert description.startswith("$[0]['***']: ")
    assert "geheim" not in description


@given(st.binary(max_size=200))
def test_p10_any_body_can_be_masked(body: bytes) -> None:
    json.loads(masked(body))


@given(
    st.recursive(
        st.text(max_size=5) | st.integers() | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*SECRETS, "a", "headers", "odd name", "x-y"]), inner, max_size=3
            )
        ),
    )
)
def test_masking_twice_is_masking_once(document: Any) -> None:
    once = masked(json.dumps(document).encode())

    assert masked(once) == once
