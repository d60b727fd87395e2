"""Sessions that the real service had with Microsoft's Python client, replayed against ours."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import FakeClock
from tests.shared.scheduler.scheduler_stack import SUBSCRIPTION, Reply, Stack, open_stack

RECORDED = Path(__file__).parent / "recorded" / "classic_python.json"
SESSIONS: dict[str, list[dict[str, Any]]] = json.loads(RECORDED.read_text())
ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
# Both sessions that make a job began it less than two minutes before this instant.
RECORDED_AT = datetime(2015, 7, 1, 0, 2, tzinfo=UTC)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path, FakeClock(RECORDED_AT)) as opened:
        yield opened


def normal(text: str) -> str:
    # What differs on purpose: header names keep their case (OPEN-QUESTIONS 29).
    return ID.sub("{id}", text.replace("content-Type", "Content-Type"))


class Replay:
    """Sends what was recorded, with our ids in place of the recorded ones."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ids = {"00000000-0000-0000-0000-000000000000": SUBSCRIPTION}

    async def send(self, recorded: dict[str, Any]) -> Reply:
        if "<Status>Succeeded" in recorded["answer"]:
            await self._stack.work()
        target = ID.sub(lambda found: self._ids[found[0]], recorded["target"])
        reply = await self._stack.call(
            recorded["method"], target, recorded["body"], recorded["headers"]
        )
        self._ids[recorded["answerHeaders"]["x-ms-request-id"]] = reply.request_id
        return reply


@pytest.mark.parametrize("name", sorted(SESSIONS))
async def test_a_recorded_session_is_answered_as_it_was(stack: Stack, name: str) -> None:
    replay = Replay(stack)
    for recorded in SESSIONS[name]:
        reply = await replay.send(recorded)

        names = {header.lower() for header in recorded["answerHeaders"]}
        assert reply.status == recorded["status"]
        assert set(reply.headers) == names
        if not recorded["target"].endswith("/cloudservices"):
            assert normal(reply.text()) == normal(recorded["answer"])


async def test_the_recorded_list_holds_our_cloud_service_in_our_form(stack: Stack) -> None:
    replay = Replay(stack)
    *before, listing = SESSIONS["test_list_cloud_services"]
    for recorded in before:
        await replay.send(recorded)

    reply = await replay.send(listing)

    (ours,) = re.findall("<CloudService>.*</CloudService>", reply.text())
    assert ours in listing["answer"]
