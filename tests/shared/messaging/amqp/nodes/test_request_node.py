"""Answers leave on the link that the request names, as there is credit."""

import asyncio
from typing import Any

import pytest

from shared.errors import EntityNotFoundError, MessageSizeExceededError, TransientError
from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    Accepted,
    Attach,
    Error,
    Source,
    Target,
)
from shared.messaging.amqp.codec.sections import AmqpMessage, Properties, encode_message
from shared.messaging.amqp.engine.node import Transferred
from shared.messaging.amqp.nodes.request_node import AT_ONCE, MAX_WAITING, RequestNode
from shared.messaging.amqp.nodes.requests import Request
from tests.clocks import settle
from tests.shared.messaging.amqp.memory_links import MemoryOutlet


async def answer(request: Request) -> bytes:
    return f"answer to {request.body}".encode()


def asking(body: str, reply_to: str | None = None) -> Transferred:
    message = AmqpMessage(properties=Properties(message_id="1", reply_to=reply_to), value=body)
    return Transferred(encode_message(message), 0, False)


def added(node: RequestNode, name: str, target: str | None = None, *, credit: int = 9) -> Any:
    outlet = MemoryOutlet(credit=credit)
    attach = Attach(name, 0, RECEIVER, source=Source("$cbs"), target=Target(target))
    return outlet, node.add_outlet(attach, outlet)


async def test_answer_leaves_settled_on_the_link_that_is_named_by_its_name_or_target() -> None:
    node = RequestNode(answer)
    (first, _), (second, _), (last, _) = (
        added(node, "one"),
        added(node, "two", "t"),
        added(node, "3"),
    )

    outcomes = [await node.transferred(asking(*a)) for a in (("a", "one"), ("b", "t"), ("c", "?"))]

    assert outcomes == [Accepted()] * 3
    assert first.sent == [(b"answer to a", bytes(7) + b"\x01", True)]
    assert second.sent == [(b"answer to b", bytes(7) + b"\x01", True)]
    assert [payload for payload, *_ in last.sent] == [b"answer to c"]


async def test_answers_wait_for_credit_in_their_order() -> None:
    node = RequestNode(answer)
    outlet, link = added(node, "one", credit=0)
    for body in ("a", "b", "c"):
        await node.transferred(asking(body))

    outlet.credit = 2
    link.credited()

    assert [payload for payload, *_ in outlet.sent] == [b"answer to a", b"answer to b"]
    assert link.waiting == len(b"answer to c")


async def test_drained_link_says_so() -> None:
    outlet, link = added(RequestNode(answer), "one")

    outlet.is_draining = True
    link.credited()

    assert outlet.drains == 1


async def test_request_that_nobody_would_hear_the_answer_to_is_refused() -> None:
    node = RequestNode(answer)
    _, link = added(node, "one")
    await link.ended()

    with pytest.raises(EntityNotFoundError):
        await node.transferred(asking("a"))


async def test_client_that_takes_no_answers_is_refused_more() -> None:
    async def answer_at_length(request: Request) -> bytes:
        return bytes(MAX_WAITING // 2)

    node = RequestNode(answer_at_length)
    outlet, link = added(node, "one", credit=0)
    for _ in range(2):
        await node.transferred(asking("a"))

    with pytest.raises(TransientError):
        await node.transferred(asking("a"))
    outlet.credit = 1
    link.credited()
    assert await node.transferred(asking("a")) == Accepted()


async def test_request_that_is_too_large_is_answered_as_far_as_it_has_been_read() -> None:
    async def answer_fault(request: Request) -> bytes:
        with pytest.raises(MessageSizeExceededError) as raised:
            request.check()
        return f"{request.message_id!r} {request.reply_to}: {raised.value.message}".encode()

    node = RequestNode(answer_fault)
    (named, _), (last, _) = added(node, "one"), added(node, "two")
    payload = asking("a" * 1000, "one").payload
    error = Error("amqp:link:message-size-exceeded", "1000 bytes")

    outcomes = [await node.oversized(payload[:length], error) for length in (500, 2)]

    assert outcomes == [Accepted()] * 2
    assert [answer for answer, *_ in named.sent] == [b"'1' one: 1000 bytes"]
    assert [answer for answer, *_ in last.sent] == [b"None None: 1000 bytes"]


async def test_no_more_than_a_few_requests_are_answered_at_once() -> None:
    gate, asked = asyncio.Event(), []

    async def answer_later(request: Request) -> bytes:
        asked.append(request.body)
        await gate.wait()
        return b""

    node = RequestNode(answer_later)
    outlet, _ = added(node, "one", credit=100)
    tasks = [asyncio.create_task(node.transferred(asking("a"))) for _ in range(2 * AT_ONCE)]

    await settle()
    before = len(asked)
    gate.set()
    await asyncio.gather(*tasks)

    assert (before, len(outlet.sent)) == (AT_ONCE, 2 * AT_ONCE)


async def test_answer_to_a_link_that_has_ended_meanwhile_is_dropped() -> None:
    outlet, link = added(RequestNode(answer), "one")

    await link.ended()
    link.send(b"late")

    assert outlet.sent == []


async def test_links_beyond_the_most_are_refused_until_one_ends() -> None:
    node = RequestNode(answer, most_links=2)
    _, first = added(node, "1")
    added(node, "2")
    inlet = node.add_inlet()
    node.add_inlet()

    with pytest.raises(TransientError):
        added(node, "3")
    with pytest.raises(TransientError):
        node.add_inlet()

    await first.ended()
    await inlet.ended()
    added(node, "3")
    node.add_inlet()
