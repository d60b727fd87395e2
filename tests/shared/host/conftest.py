from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.messaging.embedded.broker import EmbeddedBroker
from tests.clocks import FakeClock
from tests.shared.host.hosting import open_broker


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def broker(tmp_path: Path, clock: FakeClock) -> AsyncIterator[EmbeddedBroker]:
    async with open_broker(tmp_path, clock) as broker:
        yield broker
