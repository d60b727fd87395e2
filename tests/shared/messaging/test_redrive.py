from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from shared.errors import QuotaExceededError
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.message import Message
from shared.messaging.redrive import redrive
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import FakeClock
from tests.contracts.broker_steps import DEAD_LETTERS, QUEUE, QUEUES, TOPICS, text
from tests.contracts.redriving import Redriving, bury


class Namespace(EmbeddedBroker):
    """One that may be full."""

    is_full = False

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        if self.is_full:
            raise QuotaExceededError(f"{entity} is full")
        await super().send(entity, messages)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Namespace]:
    engine = sqlite_engine(tmp_path / "tocsin.db")
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(tmp_path / "tocsin.db")
    broker = Namespace(database, clock=FakeClock(), queues=QUEUES, topics=TOPICS)
    yield broker
    await broker.close()
    await database.close()


class TestEmbedded(Redriving):
    pass


async def test_letter_stays_when_its_copy_cannot_be_sent(broker: Namespace) -> None:
    await broker.send(QUEUE, [text("a")])
    await bury(broker, QUEUE, 1)
    broker.is_full = True

    with pytest.raises(QuotaExceededError):
        await redrive(broker, QUEUE, limit=1)

    assert len(await broker.peek(DEAD_LETTERS)) == 1
