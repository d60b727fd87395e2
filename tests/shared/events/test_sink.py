from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.events.sink import Destination, SinkType
from tests.contracts.event_sink import RespondingSinkContract
from tests.shared.events.memory_sink import MemorySink


class TestMemorySink(RespondingSinkContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[MemorySink]:
        yield MemorySink()


def test_p8_the_key_of_a_destination_is_not_shown() -> None:
    secretive = Destination(type=SinkType.WEBHOOK, settings={}, secrets=("very-secret",))

    assert "very-secret" not in repr(secretive)
