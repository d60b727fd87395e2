"""`tocsin scheduler` in a process of its own, and a caller with a certificate made for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.serialization import Encoding

from shared.clock import SystemClock
from shared.development_certificates import issue
from tests.shared.cli.serving_process import ended, listening, started

SUBSCRIPTION = "5DA4ce56-0000-4000-8000-00000000000a"


@dataclass(frozen=True)
class Client:
    """A self-signed certificate: `pem` with its key, `cer` as it is uploaded."""

    pem: Path
    cer: Path

    def option(self, subscription: str = SUBSCRIPTION) -> tuple[str, str]:
        return "--subscription", f"{subscription}={self.cer}"


def make_client(
    folder: Path, *, age: timedelta = timedelta(), form: Encoding = Encoding.DER
) -> Client:
    """Make a client whose certificate was issued so long ago."""
    identity = issue("somebody", now=SystemClock().now() - age, authority=None)
    client = Client(folder / "client.pem", folder / "client.cer")
    folder.mkdir(exist_ok=True)
    client.pem.write_bytes(identity.pem())
    client.cer.write_bytes(identity.certificate.public_bytes(form))
    return client


@dataclass(frozen=True)
class Service:
    """A service that listens at `url`."""

    process: asyncio.subprocess.Process
    folder: Path
    url: str

    async def call(
        self,
        client: Client,
        method: str,
        path: str,
        *,
        subscription: str = SUBSCRIPTION,
        **options: Any,
    ) -> requests.Response:
        def call() -> requests.Response:
            return requests.request(
                method,
                f"{self.url}/{subscription}{path}",
                headers={"x-ms-version": "2014-10-01"},
                verify=str(self.folder / "tls" / "ca.pem"),
                cert=str(client.pem),
                timeout=20,
                **options,
            )

        return await asyncio.to_thread(call)

    async def end(self) -> str:
        """Ask it to end as an operator does; returns what it had logged."""
        self.process.terminate()
        return await ended(self.process, code=0)


@asynccontextmanager
async def running(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """Start it and wait until it listens."""
    async with started("scheduler", folder, *options, environment=environment) as process:
        url, _ = await listening(process)
        yield Service(process, folder, url)
