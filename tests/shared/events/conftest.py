from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, opened


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
async def world(tmp_path: Path, sink: MemorySink) -> AsyncIterator[World]:
    async with opened(tmp_path, sink.open) as world:
        yield world
