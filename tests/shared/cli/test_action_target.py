"""The target for actions: answers as it is asked to, and writes down who came and who did not wait."""

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared.cli.action_target import BODY_LIMIT, ActionTarget
from tests.clocks import START, FakeClock, settle

NO_HEADERS: Mapping[str, str] = {}
TWO_SECONDS = timedelta(seconds=2)


class Call:
    """One request to a target; its caller stays until `leave`."""

    def __init__(
        self,
        name: str = "nightly",
        *,
        query: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        method: str = "POST",
    ) -> None:
        self._scope = {
            "type": "http",
            "method": method,
            "path": f"/actions/{name}",
            "query_string": query.encode(),
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        }
        self._messages: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.status: int | None = None
        self.said = b""

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    async def to(self, target: ActionTarget) -> "Call":
        await target(self._scope, self._messages.get, self._send)
        return self

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.said += message.get("body", b"")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def target_at(path: Path, clock: FakeClock | None = None) -> ActionTarget:
    ids = count(1)
    return ActionTarget(path, clock=clock or FakeClock(), new_id=lambda: f"r{next(ids)}")


def kept(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_request_is_answered_and_kept_with_its_arrival(output: Path) -> None:
    headers = {"x-ms-scheduler-jobid": "nightly", "idempotency-key": "e1"}

    call = await Call(headers=headers, body=b"r\xc3\xa9sum\xc3\xa9").to(target_at(output))

    assert call.status == 200
    assert kept(output) == [
        {
            "request": "r1",
            "arrivedAt": START.isoformat(),
            "method": "POST",
            "name": "nightly",
            "headers": headers,
            "body": "résumé",
            "status": 200,
            "delay": 0.0,
        }
    ]


async def test_any_method_is_an_action(output: Path) -> None:
    assert (await Call(method="GET").to(target_at(output))).status == 200
    assert [line["method"] for line in kept(output)] == ["GET"]


async def test_the_answer_is_the_one_that_the_url_asks_for(output: Path) -> None:
    assert (await Call(query="status=500").to(target_at(output))).status == 500


async def test_a_slow_answer_leaves_the_request_in_flight_where_it_can_be_seen(
    output: Path,
) -> None:
    clock, call = FakeClock(), Call(query="delay=2&status=503")
    running = asyncio.ensure_future(call.to(target_at(output, clock)))
    await settle()
    await clock.advance(TWO_SECONDS - timedelta(milliseconds=1))
    assert not running.done()
    assert [line["delay"] for line in kept(output)] == [2.0]

    await clock.advance(timedelta(milliseconds=1))

    await running
    assert call.status == 503
    assert len(kept(output)) == 1


async def test_a_caller_that_leaves_before_its_answer_is_written_down(output: Path) -> None:
    clock, call = FakeClock(), Call(query="delay=2")
    running = asyncio.ensure_future(call.to(target_at(output, clock)))
    await settle()
    await clock.advance(timedelta(seconds=1))

    call.leave()

    await running
    assert call.status is None
    left_at = (START + timedelta(seconds=1)).isoformat()
    assert kept(output)[1:] == [{"request": "r1", "leftAt": left_at}]


async def test_a_password_is_not_kept(output: Path) -> None:
    await Call(headers={"authorization": "Basic c2VjcmV0"}).to(target_at(output))

    assert "c2VjcmV0" not in json.dumps(kept(output))


@pytest.mark.parametrize(
    "query",
    [
        *("status=teapot", "status=99", "status=100", "status=700", "answer=500"),
        *("delay=-1", "delay=121", "delay=nan", "delay=inf", "delay=soon"),
    ],
)
async def test_what_is_no_answer_cannot_be_asked_for(query: str, output: Path) -> None:
    call = await Call(query=query).to(target_at(output))

    assert call.status == 400
    assert call.said != b""
    assert kept(output) == []


async def test_a_body_beyond_the_limit_is_refused_and_not_kept(output: Path) -> None:
    call = await Call(body=b" " * (BODY_LIMIT + 1)).to(target_at(output))

    assert call.status == 413
    assert kept(output) == []


async def test_a_restarted_target_adds_to_what_it_kept(output: Path) -> None:
    await Call("first").to(target_at(output))

    await Call("second").to(target_at(output))

    assert [line["name"] for line in kept(output)] == ["first", "second"]
