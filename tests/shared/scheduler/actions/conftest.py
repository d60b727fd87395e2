from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.shared.scheduler.actions.azurite import Azurite, running_azurite
from tests.shared.scheduler.actions.service_bus_target import ServiceBusTarget, serving_service_bus


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One process for all tests; each has queues of its own."""
    with running_azurite() as running:
        yield running


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[ServiceBusTarget]:
    """A Service Bus namespace of this test."""
    async with serving_service_bus(tmp_path) as target:
        yield target
