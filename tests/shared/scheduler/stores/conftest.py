from collections.abc import AsyncIterator

import pytest

from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import TOCSIN_QUEUES
from shared.scheduler.store import SchedulerStore
from shared.scheduler.stores.sql import sql_store
from shared.sql.database import Database
from tests.clocks import FakeClock


@pytest.fixture
async def store(database: Database) -> AsyncIterator[SchedulerStore]:
    broker = EmbeddedBroker(database, clock=FakeClock(), queues=TOCSIN_QUEUES)
    yield sql_store(broker)
    await broker.close()
