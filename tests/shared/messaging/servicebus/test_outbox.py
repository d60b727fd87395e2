import asyncio
import logging
from collections.abc import Sequence

import pytest

from shared.errors import TransientError
from shared.messaging.message import Message
from shared.messaging.servicebus.outbox import Outbox
from tests.clocks import settle
from tests.contracts.broker_steps import text


class Namespace:
    """What was sent, in calls; it can be out of reach, or slow."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.is_reachable = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        await self.gate.wait()
        if not self.is_reachable:
            raise TransientError("out of reach")
        self.calls.append((entity, " ".join(message.body.decode() for message in messages)))


async def test_what_gathers_goes_together_and_in_order() -> None:
    namespace = Namespace()
    outbox = Outbox(namespace.send)
    namespace.gate.clear()
    outbox.add("q", [text("a")])
    await settle()

    outbox.add("q", [text("b")])
    outbox.add("other", [text("x")])
    outbox.add("q", [text("c"), text("d")])
    namespace.gate.set()
    await outbox.flush(within=5)

    assert sorted(namespace.calls) == [("other", "x"), ("q", "a"), ("q", "b c d")]


async def test_failures_are_logged_once_until_something_gets_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    namespace = Namespace()
    outbox = Outbox(namespace.send)

    for is_reachable in (False, False, True, False):
        namespace.is_reachable = is_reachable
        outbox.add("q", [text("a")])
        await outbox.flush(within=5)

    assert [record.getMessage() for record in caplog.records] == [
        "cannot send to q after a commit, sweep will: out of reach"
    ] * 2


async def test_flush_waits_no_longer_than_it_may() -> None:
    namespace = Namespace()
    outbox = Outbox(namespace.send)
    namespace.gate.clear()
    outbox.add("q", [text("a")])

    await outbox.flush(within=0.01)
    namespace.gate.set()
    await settle()

    assert namespace.calls == []


async def test_nothing_to_flush_takes_no_time() -> None:
    await Outbox(Namespace().send).flush(within=5)
