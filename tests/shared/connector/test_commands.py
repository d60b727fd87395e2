"""The door over HTTP: what is accepted, how often, and what of it is stored."""

from pathlib import Path
from typing import Any

import pytest

from shared.connector.announcements import LONGEST_ATTRIBUTE
from shared.errors import ConflictError, InvalidRequestError
from shared.messaging.entities import OPERATIONS
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import JC, JOB, commands, message, opened, put_job
from tests.traces import TRACEPARENT


@pytest.fixture
def client() -> Any:
    return scripted(answer(500))[1]


async def test_p1_accepted_commands_are_operations_that_are_woken(
    tmp_path: Path, client: Any
) -> None:
    async with opened(tmp_path, client) as world:
        accepted = await world.connector.accept(
            commands(put_job("a"), put_job("b")), caller="key", key=None, correlation_id="c1"
        )

        assert [await world.operation(one) for one in accepted] == accepted
        assert len(await world.broker.peek(OPERATIONS, max_messages=10)) == 2
    assert accepted[0].to_json() == {
        "id": "00000000-0000-0000-0000-000000000001",
        "command": "CreateOrUpdateJob",
        "resource": f"{JC}/jobs/a",
        "status": "NotStarted",
        "caller": "key",
        "correlationId": "c1",
        "requestedTime": "2026-01-01T12:00:00Z",
    }


async def test_p4_key_covers_the_whole_request(tmp_path: Path, client: Any) -> None:
    variants = [
        [put_job("a")],
        [put_job("a"), put_job("b")],
        [put_job("b"), put_job("a")],
        [put_job("a") | {"deadline": "PT1H"}],
        [message("DeleteJob", f"{JC}/jobs/a")],
        [message("CreateOrUpdateJob", f"{JC}/jobs/a", {**JOB, "state": "disabled"})],
    ]
    async with opened(tmp_path, client) as world:
        for number, variant in enumerate(variants):
            accepted = await world.accept(*variant, key=f"k{number}")
            assert await world.accept(*variant, key=f"k{number}") == accepted
            for other in variants[:number]:
                with pytest.raises(ConflictError):
                    await world.accept(*other, key=f"k{number}")


async def test_p4_order_of_members_does_not_matter(tmp_path: Path, client: Any) -> None:
    command = put_job("a")
    turned = {name: command[name] for name in reversed(command)}
    turned["body"] = {"action": dict(reversed(list(JOB["action"].items())))}
    async with opened(tmp_path, client) as world:
        accepted = await world.accept(command, key="k")

        assert await world.accept(turned, key="k") == accepted


async def test_p4_requests_without_a_key_are_operations_of_their_own(
    tmp_path: Path, client: Any
) -> None:
    async with opened(tmp_path, client) as world:
        first, second = await world.accept(put_job()), await world.accept(put_job())

        assert first[0].id != second[0].id


async def test_key_of_any_length_is_refused_above_256_characters(
    tmp_path: Path, client: Any
) -> None:
    async with opened(tmp_path, client) as world:
        await world.accept(put_job(), key="k" * 256)
        with pytest.raises(InvalidRequestError, match="Idempotency-Key"):
            await world.accept(put_job(), key="k" * 257)


@pytest.mark.parametrize("key", ["", "a\nb", "\x00", "\x7f"])
async def test_key_that_is_empty_or_not_printable_is_refused(
    tmp_path: Path, client: Any, key: str
) -> None:
    async with opened(tmp_path, client) as world:
        with pytest.raises(InvalidRequestError) as caught:
            await world.accept(put_job(), key=key)

        assert await world.operations(limit=1) == []
    assert [fault.path for fault in caught.value.faults] == ["Idempotency-Key"]


async def test_correlation_id_is_made_fit_for_an_event(tmp_path: Path, client: Any) -> None:
    async with opened(tmp_path, client) as world:
        (odd,) = await world.connector.accept(
            commands(put_job()), caller="key", key=None, correlation_id="a\nb\x00"
        )
        (long,) = await world.connector.accept(
            commands(put_job()), caller="key", key=None, correlation_id="c" * 1000
        )

    assert odd.correlation_id == "a%0Ab%00"
    assert long.correlation_id == "c" * LONGEST_ATTRIBUTE


async def test_p10_a_trace_that_is_none_is_no_fault(tmp_path: Path, client: Any) -> None:
    async with opened(tmp_path, client) as world:
        for odd in ("", "nonsense", "a\nb\x00", "ff-" + TRACEPARENT[3:], TRACEPARENT + "-more"):
            (operation,) = await world.connector.accept(
                commands(put_job()), caller="key", key=None, correlation_id=None, traceparent=odd
            )
            assert operation.traceparent is None


async def test_p4_the_same_request_in_another_trace_is_the_same_operation(
    tmp_path: Path, client: Any
) -> None:
    async with opened(tmp_path, client) as world:
        (first,), (second,) = [
            await world.connector.accept(
                commands(put_job()),
                caller="key",
                key="k",
                correlation_id=None,
                traceparent=traceparent,
            )
            for traceparent in (TRACEPARENT, None)
        ]

    assert second == first
    assert first.traceparent == TRACEPARENT


async def test_p3_names_that_differ_in_case_wait_for_each_other(
    tmp_path: Path, client: Any
) -> None:
    async with opened(tmp_path, client) as world:
        await world.accept(message("DeleteJob", "/CloudServices/CS1/JobCollections/JC1/jobs/ä%20b"))
        await world.accept(message("DeleteJob", "/cloudservices/cs1/jobcollections/jc1/jobs/Ä b"))

        assert len(await world.broker.peek(OPERATIONS, max_messages=10)) == 1


async def test_p8_secrets_are_sealed_before_the_first_row(tmp_path: Path, client: Any) -> None:
    request = {
        **JOB["action"]["request"],  # type: ignore[dict-item]
        "authentication": {"type": "Basic", "username": "u", "password": "geheim"},
    }
    body = {"action": {"type": "http", "request": request}}
    async with opened(tmp_path, client) as world:
        await world.accept(message("CreateOrUpdateJob", f"{JC}/jobs/a", body), key="k")
        rows = [
            await world.rows(f"SELECT * FROM {table}") for table in ("operation", "request_key")
        ]

    assert "geheim" not in str(rows)
    assert b"geheim" not in content_of(tmp_path)


def content_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())
