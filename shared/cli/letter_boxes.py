"""Where dead letters of queues are: behind a running stack's local host, or in a Service Bus namespace itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import quote

from shared.bootstrap.wiring import service_bus_broker
from shared.cli.stack_client import StackClient
from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.host.dead_letters import ChosenLetters, DeadLetters
from shared.settings import CONNECTION, load_settings
from shared.wire.json_types import JsonObject


class LetterBox(Protocol):
    """The dead letters of every queue of a namespace; each call names the queue, and raises when it is not there."""

    async def summary(self, entity: str) -> JsonObject:
        """Return how many there are, why and since when."""

    async def page(self, entity: str, *, first: int, limit: int) -> list[JsonObject]:
        """Return letters from a sequence number on, masked."""

    async def redrive(self, entity: str, chosen: ChosenLetters) -> list[int]:
        """Move letters back; returns their numbers."""

    async def purge(self, entity: str, chosen: ChosenLetters) -> list[int]:
        """Remove letters for good; returns their numbers."""


class HostedLetters:
    """Those of a running stack."""

    def __init__(self, client: StackClient) -> None:
        self._client = client

    async def summary(self, entity: str) -> JsonObject:
        summary: JsonObject = await self._client.get(f"{letters_path(entity)}/summary")
        return summary

    async def page(self, entity: str, *, first: int, limit: int) -> list[JsonObject]:
        document = await self._client.get(letters_path(entity), {"from": first, "max": limit})
        letters: list[JsonObject] = document["value"]
        return letters

    async def redrive(self, entity: str, chosen: ChosenLetters) -> list[int]:
        return await self._act("redrive", entity, chosen)

    async def purge(self, entity: str, chosen: ChosenLetters) -> list[int]:
        return await self._act("purge", entity, chosen)

    async def _act(self, verb: str, entity: str, chosen: ChosenLetters) -> list[int]:
        path = f"{letters_path(entity)}/{verb}"
        answer = await self._client.send("POST", path, chosen.document())
        numbers: list[Any] = answer.body["sequenceNumbers"]
        return numbers


@asynccontextmanager
async def namespace_letters(clock: Clock) -> AsyncIterator[LetterBox]:
    """Open those of the namespace that the environment names, as whoever has its key.

    Raises:
        ConfigurationError: it names none.
    """
    settings = load_settings()
    if settings.service_bus_connection is None and settings.service_bus_namespace is None:
        raise ConfigurationError(
            f"--connection: neither {CONNECTION} nor {CONNECTION}__fullyQualifiedNamespace is in the environment"
        )
    broker = service_bus_broker(settings, clock)
    try:
        yield DeadLetters(broker)
    finally:
        await broker.close()


def letters_path(entity: str) -> str:
    """Return where the local host has the dead letters of a queue."""
    return f"/admin/queues/{quote(entity, safe='')}/deadletters"
