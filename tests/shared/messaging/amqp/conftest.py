from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.shared.messaging.amqp.memory_serving import Served, serving
from tests.shared.messaging.amqp.sdk import Sdk, sdk_of


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["async", "sync"])
async def connected(request: pytest.FixtureRequest) -> AsyncIterator[Sdk]:
    async with sdk_of(is_sync=request.param == "sync") as sdk:
        yield sdk


@pytest_asyncio.fixture(loop_scope="module")
async def sdk(connected: Sdk) -> AsyncIterator[Sdk]:
    yield connected
    await connected.empty()
