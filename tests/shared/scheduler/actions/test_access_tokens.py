import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from shared.outbound.guard import AddressGuard
from shared.outbound.session import OutboundSession
from shared.scheduler.actions.access_tokens import (
    KEPT_TOKENS,
    AccessTokens,
    NoCredentialsError,
    TokenClient,
    life_in,
)
from shared.wire.json_types import Json
from tests.clocks import FakeClock
from tests.shared.scheduler.actions.calling import LOOPBACK
from tests.target_server import Asked, TargetServer, serving

CLIENT = TokenClient(
    tenant="contoso.example", audience="https://target/", client_id="app", secret="s3cret&=ä"
)
FAILED = "Http Action - Request to host '127.0.0.1' failed: "


def answering(status: int, document: Json) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


@dataclass
class Authority:
    """Gives numbered tokens, or what a test tells it to answer."""

    life: Json = "3600"
    instead: bytes | None = None
    forms: list[dict[str, list[str]]] = field(default_factory=list)

    def __call__(self, asked: Asked) -> bytes | None:
        self.forms.append(parse_qs(asked.body.decode(), strict_parsing=True))
        if self.instead is not None:
            return self.instead
        token = f"token-{len(self.forms)}"
        return answering(
            200, {"token_type": "Bearer", "expires_in": self.life, "access_token": token}
        )


@dataclass
class Bench:
    authority: Authority
    server: TargetServer
    session: OutboundSession
    tokens: AccessTokens
    clock: FakeClock

    async def fetch(self, client: TokenClient = CLIENT) -> str:
        return (await self.tokens.fetch(self.session, client)).text

    async def refused(self) -> str:
        with pytest.raises(NoCredentialsError) as caught:
            await self.fetch()
        return str(caught.value)


@asynccontextmanager
async def opened(guard: AddressGuard = LOOPBACK) -> AsyncIterator[Bench]:
    authority, clock = Authority(), FakeClock()
    async with serving(authority) as server:
        session = OutboundSession(guard)
        tokens = AccessTokens(f"{server.url}sub/", clock)
        yield Bench(authority, server, session, tokens, clock)
        await tokens.close()
        await session.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


async def test_a_token_is_asked_for_as_the_endpoint_takes_it(bench: Bench) -> None:
    assert await bench.fetch() == "token-1"

    [asked] = bench.server.requests
    assert asked.line == "POST /sub/contoso.example/oauth2/token HTTP/1.1"
    assert asked.header("content-type") == "application/x-www-form-urlencoded"
    assert bench.authority.forms == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["app"],
            "client_secret": ["s3cret&=ä"],
            "resource": ["https://target/"],
        }
    ]


async def test_a_token_is_kept_until_shortly_before_its_end(bench: Bench) -> None:
    await bench.fetch()
    await bench.clock.advance(timedelta(minutes=54, seconds=59))
    assert await bench.fetch() == "token-1"

    await bench.clock.advance(timedelta(seconds=1))

    assert bench.tokens.kept(CLIENT) is None
    assert await bench.fetch() == "token-2"


async def test_a_short_token_is_kept_for_half_its_life(bench: Bench) -> None:
    bench.authority.life = 60
    await bench.fetch()

    await bench.clock.advance(timedelta(seconds=29))
    assert await bench.fetch() == "token-1"
    await bench.clock.advance(timedelta(seconds=1))
    assert await bench.fetch() == "token-2"


@pytest.mark.parametrize(
    ("life", "seconds"),
    [("3599", 3599), (3599, 3599), (None, 0), ("-1", 0), ("1.5", 0), (10**12, 0), (99999999, 86400)],
)  # fmt: skip
def test_how_long_a_token_lasts(life: Json, seconds: int) -> None:
    assert life_in({"expires_in": life}) == timedelta(seconds=seconds)
    assert life_in({}) == timedelta(0)


async def test_whoever_waits_shares_one_request(bench: Bench) -> None:
    found = await asyncio.gather(*(bench.fetch() for _ in range(20)))

    assert set(found) == {"token-1"}
    assert len(bench.server.requests) == 1


async def test_who_is_cancelled_leaves_the_request_to_the_others(bench: Bench) -> None:
    first = asyncio.create_task(bench.fetch())
    second = asyncio.create_task(bench.fetch())
    while not bench.server.connections:
        await asyncio.wait((first,), timeout=0.001)

    first.cancel()

    assert await second == "token-1"
    assert len(bench.server.requests) == 1


@pytest.mark.parametrize(
    "change",
    [{"tenant": "other.example"}, {"audience": "https://o/"}, {"client_id": "b"}, {"secret": "b"}],
)
async def test_p8_nobody_gets_the_token_of_another(bench: Bench, change: dict[str, str]) -> None:
    await bench.fetch()

    assert await bench.fetch(replace(CLIENT, **change)) == "token-2"


async def test_a_token_that_was_refused_is_replaced_once_for_all(bench: Bench) -> None:
    session, tokens = bench.session, bench.tokens
    old = await tokens.fetch(session, CLIENT)

    found = await asyncio.gather(*(tokens.fetch(session, CLIENT, instead_of=old) for _ in range(5)))
    later = await tokens.fetch(session, CLIENT, instead_of=old)

    assert {token.text for token in (*found, later)} == {"token-2"}
    assert len(bench.server.requests) == 2


async def test_the_number_of_kept_tokens_is_bounded(bench: Bench) -> None:
    clients = [replace(CLIENT, client_id=f"app{number}") for number in range(KEPT_TOKENS + 1)]
    for client in clients:
        await bench.fetch(client)

    assert bench.tokens.kept(clients[0]) is None
    assert all(bench.tokens.kept(client) for client in clients[1:])


@pytest.mark.parametrize(
    ("status", "document", "told"),
    [
        (401, {"error": "invalid_client", "error_description": "s3cret"}, "'Unauthorized': invalid_client"),
        (400, {"error": "s3cret&=ä"}, "'BadRequest'"),
        (400, {"error": ["invalid_client"]}, "'BadRequest'"),
        (503, [], "'ServiceUnavailable'"),
        (302, {"access_token": "t"}, "'Found'"),
        (200, {}, "'OK'"),
        (200, {"access_token": ""}, "'OK'"),
        (200, {"access_token": "a\r\nInjected: b"}, "'OK'"),
        (200, {"access_token": 5}, "'OK'"),
        (200, {"access_token": "t", "token_type": "mac"}, "'OK'"),
        (200, "no object", "'OK'"),
    ],
)  # fmt: skip
async def test_p8_why_there_is_no_token_is_told_without_what_was_sent(
    bench: Bench, status: int, document: Json, told: str
) -> None:
    bench.authority.instead = answering(status, document)

    assert await bench.refused() == f"{FAILED}TokenNotIssued The authority answered {told}"


async def test_what_is_no_json_is_no_token(bench: Bench) -> None:
    bench.authority.instead = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{\xff}"

    assert "TokenNotIssued" in await bench.refused()


async def test_after_a_failure_the_next_one_asks_again(bench: Bench) -> None:
    bench.authority.instead = answering(503, {})
    await bench.refused()
    bench.authority.instead = None

    assert await bench.fetch() == "token-2"


async def test_an_authority_that_does_not_answer_is_told_by_its_host() -> None:
    session, tokens = OutboundSession(LOOPBACK), AccessTokens("http://127.0.0.1:1", FakeClock())

    with pytest.raises(NoCredentialsError, match="ConnectFailure Unable to connect"):
        await tokens.fetch(session, CLIENT)

    await session.close()


async def test_silence_of_the_authority_ends_with_the_time_of_who_waits(bench: Bench) -> None:
    bench.authority.instead = b""

    with pytest.raises(NoCredentialsError) as caught:
        await bench.tokens.fetch(bench.session, CLIENT, time_limit=timedelta(milliseconds=50))

    assert str(caught.value) == f"{FAILED}Timeout The operation has timed out"


async def test_p9_an_authority_is_reached_by_the_guarded_way_only() -> None:
    async with opened(AddressGuard()) as bench:
        assert "AddressNotAllowed" in await bench.refused()
        assert bench.server.connections == 0


async def test_p8_neither_client_nor_token_shows_its_secret(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    token = await bench.tokens.fetch(bench.session, CLIENT)

    shown = f"{CLIENT!r} {token!r} {caplog.text}"
    assert not [secret for secret in ("s3cret", "token-1") if secret in shown]


async def test_it_can_be_closed_while_a_token_is_asked_for_and_used_again(bench: Bench) -> None:
    bench.authority.instead = b""
    waiting = asyncio.create_task(bench.fetch())
    while not bench.server.requests:
        await asyncio.wait((waiting,), timeout=0.001)

    await bench.tokens.close()
    bench.authority.instead = None

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await bench.fetch() == "token-2"
