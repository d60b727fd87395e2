"""An issuer behind a URL: the service fetches its keys over TLS, and goes on while it cannot."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from shared.clock import SystemClock
from shared.development_certificates import create_development_certificates
from shared.host.server import Endpoint, Servers
from shared.tls_server import ServerContext
from tests.shared.bearer_tokens.token_cases import AUDIENCE, EC_KEY, KEYS, NAME
from tests.shared.cli.scheduler_process import Service, running

PATH = "/subscriptions/s1/providers/Microsoft.Scheduler?api-version=2016-03-01"


@dataclass
class Issuer:
    """An ASGI app that answers with a key set, while it is up."""

    is_up: bool = True
    asked: int = 0
    port: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        body = json.dumps({"keys": KEYS}).encode() if self.is_up else b""
        status = 200 if self.is_up else 500
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[Issuer]:
    files = create_development_certificates(tmp_path / "issuer", now=SystemClock().now())
    issuer = Issuer()
    endpoint = Endpoint(app=issuer, port=0, tls=ServerContext(files.server))
    servers = Servers([endpoint], grace_seconds=1)
    (issuer.port,) = await servers.start()
    yield issuer
    await servers.stop()


@pytest.fixture
async def service(tmp_path: Path, issuer: Issuer) -> AsyncIterator[Service]:
    environment = {
        "TOCSIN_TOKEN_ISSUER": NAME,
        "TOCSIN_TOKEN_KEY_SET": f"https://127.0.0.1:{issuer.port}/keys",
        "TOCSIN_TOKEN_SUBSCRIPTIONS_CLAIM": "roles",
        # How an operator has a process trust an authority of their own.
        "SSL_CERT_FILE": str(tmp_path / "issuer" / "ca.pem"),
    }
    options = ("--allow-network", "127.0.0.0/8")
    async with running(tmp_path / "data", *options, environment=environment) as service:
        yield service


async def status(service: Service, key_id: str) -> int:
    now = int(SystemClock().now().timestamp())
    claims = {"iss": NAME, "aud": AUDIENCE, "sub": "me", "exp": now + 60, "roles": ["S1"]}
    token = jwt.encode({**claims, "jti": key_id}, EC_KEY, "ES256", headers={"kid": key_id})

    def call() -> requests.Response:
        return requests.get(
            f"{service.url}{PATH}",
            headers={"Authorization": f"Bearer {token}"},
            verify=str(service.folder / "tls" / "ca.pem"),
            timeout=20,
        )

    return (await asyncio.to_thread(call)).status_code


async def test_keys_are_fetched_once_and_kept_while_the_issuer_is_down(
    service: Service, issuer: Issuer
) -> None:
    assert await status(service, "e") == 200
    issuer.is_up = False

    assert await status(service, "unknown") == 401
    assert await status(service, "e") == 200
    assert issuer.asked == 1


async def test_without_keys_callers_are_asked_to_come_again(
    service: Service, issuer: Issuer
) -> None:
    issuer.is_up = False

    assert await status(service, "e") == 503
    assert "it answers 500" in await service.end()
