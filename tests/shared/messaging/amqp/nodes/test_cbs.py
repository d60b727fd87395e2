"""Tokens are checked when they are put, and their links end with them."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import AuthenticationError
from shared.messaging.amqp.codec.sections import decode_message
from shared.messaging.amqp.nodes.cbs import Claims
from shared.messaging.amqp.nodes.requests import Request
from tests.clocks import START, FakeClock, settle
from tests.shared.messaging.amqp.memory_links import MemoryLink
from tests.shared.messaging.amqp.nodes.test_sas import KEYS, OTHER_KEY, token

HOUR = timedelta(hours=1)
HOST = "sb://127.0.0.1:5690"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def claims(clock: FakeClock) -> AsyncIterator[Claims]:
    claims = Claims(KEYS, clock)
    yield claims
    await claims.close()


def signed(path: str = "/queue", *, lasting: timedelta = HOUR, **options: Any) -> str:
    return token(f"{HOST}{path}", expiry=str(int((START + lasting).timestamp())), **options)


async def put(claims: Claims, body: Any, **properties: Any) -> tuple[int, str]:
    """Return the status and what it says."""
    request = Request("m", None, {"operation": "put-token", "type": "jwt"} | properties, body)
    answer = decode_message(await claims.put_token(request))
    assert answer.properties.correlation_id == "m"
    told = answer.application_properties
    return told["status-code"], told["status-description"]


async def test_good_token_is_accepted_and_says_which_namespace_it_is(claims: Claims) -> None:
    assert await put(claims, signed()) == (202, "Accepted")
    assert await put(claims, signed("/other", key=OTHER_KEY)) == (202, "Accepted")

    assert (claims.namespace("queue"), claims.namespace("other")) == ("one", "two")


@pytest.mark.parametrize(
    ("resource", "path", "is_covered"),
    [
        ("/queue", "queue", True),
        ("/Queue/", "queue/$deadletterqueue", True),
        ("/queue", "queue/$management", True),
        ("/queue/$management", "queue/$management", True),
        ("", "anything", True),
        ("/queue", "queue2", False),
        ("/queue/$management", "queue", False),
    ],
)
async def test_token_covers_its_resource_and_what_is_below(
    claims: Claims, resource: str, path: str, *, is_covered: bool
) -> None:
    await put(claims, signed(resource))

    if is_covered:
        assert claims.namespace(path) == "one"
    else:
        with pytest.raises(AuthenticationError):
            claims.namespace(path)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (f"{HOST}/Queue", 202),
        ("amqps://elsewhere/queue/$management", 202),
        ("queue", 202),
        (f"{HOST}/queue2", 401),
        (f"{HOST}/", 401),
        (HOST, 401),
    ],
)
async def test_token_is_put_for_what_it_covers(claims: Claims, name: str, status: int) -> None:
    assert (await put(claims, signed("/queue"), name=name))[0] == status
    assert (await put(claims, signed(""), name=name))[0] == 202


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (signed(key="wrong"), "not signed"),
        (signed(lasting=-HOUR), "expired"),
        ("eyJ0eXAi.of.EntraID", "connect with a connection string"),
    ],
)
async def test_bad_token_is_unauthorized_and_says_why(
    claims: Claims, body: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        status, text = await put(claims, body)

    assert (status, said in text) == (401, True)
    assert [record.__dict__["action"] for record in caplog.records] == ["amqp_token_refused"]
    assert body not in caplog.text + text
    with pytest.raises(AuthenticationError):
        claims.namespace("queue")


@pytest.mark.parametrize(("body", "operation"), [(b"binary", "put-token"), ("x", "delete-token")])
async def test_request_that_puts_no_token_is_bad(claims: Claims, body: Any, operation: str) -> None:
    status, _ = await put(claims, body, operation=operation)

    assert status == 400


async def test_links_end_with_the_last_token_that_covers_them(
    claims: Claims, clock: FakeClock
) -> None:
    renewed, left = MemoryLink(), MemoryLink()
    await put(claims, signed("/renewed"))
    await put(claims, signed("/left"))
    claims.hold(renewed, "renewed")
    claims.hold(left, "left")

    await put(claims, signed("/renewed", lasting=2 * HOUR))
    await clock.advance(HOUR - timedelta(seconds=1))
    before = list(left.detached)
    await clock.advance(timedelta(seconds=1))

    assert (before, renewed.detached) == ([], [])
    assert [error and error.condition for error in left.detached] == ["amqp:unauthorized-access"]
    await clock.advance(HOUR)
    assert len(renewed.detached) == len(left.detached) == 1


async def test_expired_token_covers_nothing_even_before_the_timer_has_noticed(
    claims: Claims, clock: FakeClock
) -> None:
    await put(claims, signed())

    clock.set(START + HOUR)

    with pytest.raises(AuthenticationError):
        claims.namespace("queue")


async def test_shorter_token_that_comes_later_is_not_missed(
    claims: Claims, clock: FakeClock
) -> None:
    link = MemoryLink()
    await put(claims, signed("/a"))
    await put(claims, signed("/b", lasting=timedelta(minutes=1)))
    claims.hold(link, "b")

    await clock.advance(timedelta(minutes=1))
    await settle()

    assert len(link.detached) == 1
