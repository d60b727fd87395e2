"""The webhook receiver: what is signed is kept once, the rest is refused."""

import base64
import json
from collections.abc import Mapping, MutableMapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared.cli.action_target import BODY_LIMIT, ActionTarget
from shared.cli.receive import App, Receiver, either, read_secret
from shared.errors import ConfigurationError
from shared.events.webhook_signature import key_of, sign
from tests.clocks import START, FakeClock

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = b'{"id": "1", "type": "tocsin.x"}'


class Post:
    """One request to a receiver, body in chunks."""

    def __init__(
        self, headers: Mapping[str, str], *chunks: bytes, method: str = "POST", path: str = "/"
    ) -> None:
        self._scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self._chunks = list(chunks)
        self._status = 0

    async def to(self, receiver: App) -> int:
        await receiver(self._scope, self._receive, self._send)
        return self._status

    async def _receive(self) -> MutableMapping[str, Any]:
        body = self._chunks.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._chunks)}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self._status = message.get("status", self._status)


def signed(body: bytes = BODY, *, webhook_id: str = "e1", at: datetime = START) -> dict[str, str]:
    return sign([key_of(SECRET)], webhook_id=webhook_id, sent_at=at, body=body)


def receiver_at(path: Path) -> Receiver:
    return Receiver(secret=SECRET, output=path, clock=FakeClock())


def kept(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


async def test_a_signed_event_is_kept_with_its_arrival(output: Path) -> None:
    status = await Post(signed(), BODY).to(receiver_at(output))

    assert status == 204
    assert kept(output) == [{"id": "e1", "arrivedAt": START.isoformat(), "event": json.loads(BODY)}]


async def test_what_another_library_signed_is_kept(output: Path) -> None:
    signature = Webhook(SECRET).sign("e1", START, BODY.decode())
    headers = signed() | {"webhook-signature": signature}

    assert await Post(headers, BODY).to(receiver_at(output)) == 204


async def test_a_body_in_chunks_is_verified_as_a_whole(output: Path) -> None:
    assert await Post(signed(), BODY[:7], BODY[7:], b"").to(receiver_at(output)) == 204


async def test_the_same_webhook_id_is_kept_once(output: Path) -> None:
    receiver = receiver_at(output)
    await Post(signed(), BODY).to(receiver)

    status = await Post(signed(), BODY).to(receiver)

    assert status == 204
    assert len(kept(output)) == 1


async def test_a_restarted_receiver_remembers_what_it_kept(output: Path) -> None:
    await Post(signed(), BODY).to(receiver_at(output))

    await Post(signed(), BODY).to(receiver_at(output))

    assert len(kept(output)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"another body"),
        signed(at=START - timedelta(minutes=6)),
        signed() | {"webhook-id": "e2"},
        signed() | {"webhook-signature": "v1,AAAA"},
        signed() | {"webhook-timestamp": "now"},
    ],
    ids=["none", "body", "old", "id", "signature", "timestamp"],
)
async def test_what_is_not_rightly_signed_is_refused_and_not_kept(
    headers: dict[str, str], output: Path
) -> None:
    status = await Post(headers, BODY).to(receiver_at(output))

    assert status == 401
    assert kept(output) == []


async def test_a_signed_body_that_is_no_json_is_refused(output: Path) -> None:
    assert await Post(signed(b"{"), b"{").to(receiver_at(output)) == 400
    assert kept(output) == []


async def test_a_body_beyond_the_limit_is_refused_before_its_end(output: Path) -> None:
    half = b" " * (BODY_LIMIT // 2 + 1)

    assert await Post({}, half, half, b"never read").to(receiver_at(output)) == 413


async def test_only_post_is_a_webhook(output: Path) -> None:
    assert await Post(signed(), BODY, method="GET").to(receiver_at(output)) == 405


async def test_only_what_is_below_actions_is_for_the_target_of_actions(
    output: Path, tmp_path: Path
) -> None:
    actions = tmp_path / "actions.jsonl"
    target = ActionTarget(actions, clock=FakeClock(), new_id=lambda: "r1")
    app = either(target, receiver_at(output))

    statuses = [await Post({}, BODY, path=path).to(app) for path in ("/actions/x", "/actions", "/")]

    assert statuses == [200, 401, 401]
    assert [line["name"] for line in kept(actions)] == ["x"]


async def test_an_action_is_refused_where_there_is_no_target(output: Path) -> None:
    assert await Post({}, BODY, path="/actions/x").to(receiver_at(output)) == 401


def test_the_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    assert read_secret(tmp_path / "secret") == SECRET


@pytest.mark.parametrize("content", ["", "hunter2", "whsec_", "whsec_%%%", "schlüssel"])
def test_a_file_without_a_secret_is_refused_without_showing_it(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(content)

    with pytest.raises(ConfigurationError) as raised:
        read_secret(tmp_path / "secret")

    assert "hunter2" not in str(raised.value)
    assert "schlüssel" not in str(raised.value)


def test_a_missing_secret_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read .*absent"):
        read_secret(tmp_path / "absent")
