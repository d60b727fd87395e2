"""What looks after all sealed values, over PostgreSQL; that of event subscriptions is with the tests of events."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.sql.postgresql import PostgresDatabase
from tests.broker_apart import broker_apart
from tests.clocks import FakeClock
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.stores.test_sealed_operations import TestSealedOperations
from tests.shared.connector.world import World, assemble
from tests.shared.scheduler.scheduler_stack import Stack, open_stack
from tests.shared.scheduler.stores.test_sealed_jobs import TestSealedJobs

__all__ = ["TestSealedJobs", "TestSealedOperations"]


@pytest.fixture
async def world(database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[World]:
    _, client = scripted(answer(200))
    clock = FakeClock()
    async with broker_apart(tmp_path, clock) as broker:
        yield assemble(database, client, clock, broker=broker)


@pytest.fixture
async def stack(database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[Stack]:
    clock = FakeClock()
    async with (
        broker_apart(tmp_path, clock) as broker,
        open_stack(tmp_path, clock, database=database, broker=broker) as stack,
    ):
        yield stack
