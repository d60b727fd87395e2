"""Actions that say who they are: to a real server that asks for certificates, with tokens of a real authority."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from cryptography.x509.oid import NameOID

from shared.clock import SystemClock
from shared.development_certificates import (
    DevelopmentCertificates,
    create_development_certificates,
)
from shared.scheduler.action import Attempt, Outcome
from shared.scheduler.actions.http_request import HttpRequestAction
from shared.wire.json_types import JsonObject
from tests.client_certificates import name, pfx_of, self_signed
from tests.clocks import FakeClock
from tests.contracts.action import ActionContract, Behaviour
from tests.shared.scheduler.actions.calling import attempt, http_action, sealed
from tests.shared.scheduler.actions.test_http_request import ANSWERS
from tests.target_server import NOTHING, Asked, TargetServer, serving

STRANGER = self_signed(name((NameOID.COMMON_NAME, "stranger")))
# Fifty handshakes at once take their time.
LIMIT = timedelta(seconds=3)
UNAUTHORIZED = b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentCertificates:
    return create_development_certificates(tmp_path_factory.mktemp("tls"), now=SystemClock().now())


def certificate(pfx: str, password: str = "", **names: str) -> JsonObject:
    document: JsonObject = {
        "certificateThumbprint": "00",
        "certificateExpiration": "2036-01-01T00:00:00Z",
        "certificateSubjectName": "CN=a",
        "pfx": sealed(pfx, **names),
        "type": "ClientCertificate",
    }
    return document | ({"password": sealed(password, **names)} if password else {})


def client_pfx(files: DevelopmentCertificates) -> str:
    return base64.b64encode(files.client_pfx.read_bytes()).decode()


def asking(files: DevelopmentCertificates) -> ssl.SSLContext:
    """A server that talks to nobody without a certificate of the development authority, or the stranger's own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority)
    context.load_cert_chain(files.server)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@asynccontextmanager
async def certified(
    files: DevelopmentCertificates,
) -> AsyncIterator[tuple[HttpRequestAction, TargetServer]]:
    action = http_action(trusted=files.authority)
    async with serving(context=asking(files)) as server:
        yield action, server
    await action.close()


def secure(server: TargetServer) -> str:
    return server.url.replace("http:", "https:")


async def test_a_client_certificate_is_shown(files: DevelopmentCertificates) -> None:
    async with certified(files) as (action, server):
        own: JsonObject = {"Authorization": "Bearer own"}
        outcome = await action.execute(
            attempt(secure(server), authentication=certificate(client_pfx(files)), headers=own)
        )

    assert outcome.is_success
    [asked] = server.requests
    # The certificate is shown by TLS, so the header is the job's.
    assert asked.header("authorization") == "Bearer own"


async def test_a_server_that_asks_for_another_certificate_refuses(
    files: DevelopmentCertificates,
) -> None:
    async with certified(files) as (action, server):
        stranger = certificate(pfx_of(STRANGER, "geheim"), "geheim")
        for authentication in (stranger, None):
            outcome = await action.execute(attempt(secure(server), authentication=authentication))
            assert not outcome.is_success
            assert outcome.message.startswith("Http Action - Request to host '127.0.0.1' failed: ")

    assert server.requests == []


async def test_p8_no_job_uses_a_connection_that_another_certificate_opened(
    files: DevelopmentCertificates,
) -> None:
    async with certified(files) as (action, server):
        own = certificate(client_pfx(files))
        assert (await action.execute(attempt(secure(server), authentication=own))).is_success
        assert (await action.execute(attempt(secure(server), authentication=own))).is_success
        assert server.connections == 1

        stranger = certificate(pfx_of(STRANGER))
        assert not (
            await action.execute(attempt(secure(server), authentication=stranger))
        ).is_success


async def test_a_server_whose_authority_nobody_trusts_is_not_told_anything(
    files: DevelopmentCertificates,
) -> None:
    action = http_action()
    async with serving(context=asking(files)) as server:
        own = certificate(client_pfx(files))
        outcome = await action.execute(attempt(secure(server), authentication=own))
    await action.close()

    assert "failed: TrustFailure" in outcome.message


async def test_a_certificate_that_openssl_does_not_take_is_an_outcome() -> None:
    action = http_action()

    outcome = await action.execute(
        attempt("https://127.0.0.1:1/", authentication=certificate(base64.b64encode(b"x").decode()))
    )

    assert not outcome.is_success
    assert outcome.message.endswith("secure channel: the client certificate cannot be used")
    await action.close()


@dataclass
class Bearers:
    """An authority and a target in one place; a test says which tokens are good."""

    good: set[str] = field(default_factory=lambda: {"token-1", "token-2"})
    given: int = 0
    shown: list[str] = field(default_factory=list)

    def authority(self, _: Asked) -> bytes:
        self.given += 1
        token = {"access_token": f"token-{self.given}", "expires_in": "3600"}
        body = json.dumps(token).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def target(self, asked: Asked) -> bytes:
        self.shown.append(asked.header("authorization").removeprefix("Bearer "))
        return NOTHING if self.shown[-1] in self.good else UNAUTHORIZED


def oauth(secret: str = "s3cret-of-app") -> JsonObject:
    return {
        "tenant": "contoso.example",
        "audience": "https://target/",
        "clientId": "app",
        "secret": sealed(secret),
        "type": "ActiveDirectoryOAuth",
    }


@asynccontextmanager
async def with_tokens(
    bearers: Bearers,
) -> AsyncIterator[tuple[HttpRequestAction, Attempt]]:
    async with serving(bearers.authority) as authority, serving(bearers.target) as target:
        action = http_action(authority=authority.url)
        own: JsonObject = {"Authorization": "Bearer own"}
        yield action, attempt(target.url, authentication=oauth(), headers=own)
        await action.close()


async def test_a_token_is_shown_and_kept_for_the_next_attempt() -> None:
    bearers = Bearers()
    async with with_tokens(bearers) as (action, tried):
        for _ in range(3):
            assert (await action.execute(tried)).is_success

    assert bearers.shown == ["token-1"] * 3
    assert bearers.given == 1


async def test_a_kept_token_that_is_refused_is_replaced_once() -> None:
    bearers = Bearers()
    async with with_tokens(bearers) as (action, tried):
        await action.execute(tried)
        bearers.good = {"token-2"}
        assert (await action.execute(tried)).is_success

    assert bearers.shown == ["token-1", "token-1", "token-2"]


async def test_a_new_token_that_is_refused_is_a_failure() -> None:
    bearers = Bearers(good=set())
    async with with_tokens(bearers) as (action, tried):
        first, second = await action.execute(tried), await action.execute(tried)

    assert bearers.shown == ["token-1", "token-1", "token-2"]
    for outcome in (first, second):
        assert not outcome.is_success
        assert "'Unauthorized'" in outcome.message


async def test_p8_without_a_token_nothing_is_sent_to_the_target() -> None:
    bearers = Bearers()
    async with serving(bearers.target) as target:
        action = http_action(authority="http://127.0.0.1:1")
        outcome = await action.execute(attempt(target.url, authentication=oauth()))
        await action.close()

    assert outcome == Outcome(
        is_success=False,
        message="Http Action - Request to host '127.0.0.1' failed: ConnectFailure"
        " Unable to connect to the remote server",
        reason="no_credentials",
    )
    assert target.requests == []


async def test_tokens_and_requests_share_the_one_time_of_an_attempt() -> None:
    clock, bearers = FakeClock(), Bearers()

    def slowly(asked: Asked) -> bytes:
        clock.set(clock.now() + timedelta(seconds=59.9))
        return bearers.authority(asked)

    async with serving(slowly) as authority, serving(b"") as silent:
        action = http_action(authority=authority.url, clock=clock)
        tried = action.execute(attempt(silent.url, authentication=oauth()))
        outcome = await asyncio.wait_for(tried, timeout=10)
        await action.close()

    assert outcome.message.endswith("failed: Timeout The operation has timed out")
    assert len(silent.requests) == 1


async def test_a_silent_authority_does_not_outlast_the_attempt() -> None:
    async with serving(b"") as silent:
        action = http_action(authority=silent.url, time_limit=timedelta(milliseconds=200))
        tried = action.execute(attempt("http://127.0.0.1:1/", authentication=oauth()))
        outcome = await asyncio.wait_for(tried, timeout=10)
        await action.close()

    assert outcome.message.endswith("failed: Timeout The operation has timed out")


@dataclass
class AimedBearer:
    """The contract's target, reached with a token."""

    server: TargetServer
    action: HttpRequestAction

    @property
    def attempt(self) -> Attempt:
        return attempt(self.server.url, authentication=oauth(), body="the s3cret-of-app")

    @property
    def secrets(self) -> list[str]:
        return ["s3cret-of-app", "token-1", "token-2"]

    @property
    def received(self) -> list[str]:
        return [asked.header("idempotency-key") for asked in self.server.requests]

    def behave(self, behaviour: Behaviour) -> None:
        self.server.answer = ANSWERS[behaviour]


class TestActionWithToken(ActionContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[AimedBearer]:
        async with serving(Bearers().authority) as authority, serving() as server:
            action = http_action(authority=authority.url, time_limit=LIMIT)
            yield AimedBearer(server, action)
            await action.close()


@dataclass
class AimedCertificate:
    """The contract's target, reached with a client certificate; nothing secret gets to it."""

    server: TargetServer
    action: HttpRequestAction
    pfx: str

    @property
    def attempt(self) -> Attempt:
        return attempt(secure(self.server), authentication=certificate(self.pfx))

    @property
    def secrets(self) -> list[str]:
        return [self.pfx]

    @property
    def received(self) -> list[str]:
        return [asked.header("idempotency-key") for asked in self.server.requests]

    def behave(self, behaviour: Behaviour) -> None:
        self.server.answer = ANSWERS[behaviour]


class TestActionWithCertificate(ActionContract):
    @pytest.fixture(autouse=True)
    def _authority(self, files: DevelopmentCertificates) -> None:
        self.files = files

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AimedCertificate]:
        action = http_action(trusted=self.files.authority, time_limit=LIMIT)
        async with serving(context=asking(self.files)) as server:
            yield AimedCertificate(server, action, client_pfx(self.files))
        await action.close()
