from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contracts.source_queue import SourceQueueContract
from tests.shared.aws.memory_queue import MemoryQueue


class TestMemoryQueue(SourceQueueContract):
    @asynccontextmanager
    async def open(self, *, is_fifo: bool) -> AsyncIterator[MemoryQueue]:
        yield MemoryQueue()
