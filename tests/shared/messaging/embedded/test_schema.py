import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.clock import to_microseconds
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.envelope import EntityCounts
from shared.messaging.embedded.schema import SCHEMA, metadata
from shared.messaging.entities import NamespaceDescription, QueueDescription
from shared.messaging.message import Message
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine
from tests.clocks import START, FakeClock, settle


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCHEMA.scripts))

    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA.head


def test_migrated_tables_are_those_of_the_code(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "tocsin.db")
    migrate(engine, SCHEMA)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": SCHEMA.version_table}
        )

        assert compare_metadata(context, metadata) == []


def test_partial_indexes_are_migrated_as_they_are_in_the_code(tmp_path: Path) -> None:
    migrated, made = sqlite_engine(tmp_path / "a.db"), sqlite_engine(tmp_path / "b.db")
    migrate(migrated, SCHEMA)
    metadata.create_all(made)
    query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"

    with migrated.connect() as one, made.connect() as other:
        indexes = [row.sql.replace("message.", "") for row in other.exec_driver_sql(query)]

        assert [row.sql for row in one.exec_driver_sql(query)] == indexes
        assert len(indexes) == 7


FIRST_VERSION = """
INSERT INTO message VALUES ('work', 1, 0, NULL, 0, 100, NULL, NULL);
INSERT INTO message VALUES ('work', 2, 1, 9000000000000000, 1, 100, NULL, NULL);
INSERT INTO message VALUES ('work', 3, 2, {due}, 0, 100, NULL, NULL);
INSERT INTO message VALUES ('work/$deadletterqueue', 4, 0, NULL, 5, 100, 'Bad', 'no such thing');
INSERT INTO message_body VALUES (1, x'61', 'm', '{{"subject":"s","session_id":"x"}}');
INSERT INTO message_body VALUES (2, x'62', NULL, NULL);
INSERT INTO message_body VALUES (3, x'63', NULL, NULL);
INSERT INTO message_body VALUES (4, x'64', NULL, NULL);
UPDATE message_sequence SET reserved = 1000;
"""
"""What a data folder of the first version holds."""
QUEUES = (QueueDescription(name="work"),)


async def test_messages_of_the_first_version_are_kept(tmp_path: Path) -> None:
    path, clock = tmp_path / "tocsin.db", FakeClock()
    engine = sqlite_engine(path)
    migrate(engine, replace(SCHEMA, head="0001"))
    due = to_microseconds(START + timedelta(seconds=30))
    with engine.connect() as connection:
        for statement in FIRST_VERSION.format(due=due).strip().split("\n"):
            connection.exec_driver_sql(statement)

    await asyncio.to_thread(migrate, engine, SCHEMA)

    database = InlineDatabase(path)
    core = BrokerCore(
        database, clock=clock, description=NamespaceDescription(name="n", queues=QUEUES)
    )
    assert await core.counts() == [
        EntityCounts(path="work", active=2, scheduled=1, deferred=0, dead_lettered=1, size=37)
    ]
    broker = EmbeddedBroker(database, clock=clock, queues=QUEUES)
    await database.run(broker.free_locks)
    receiver = broker.receiver("work")
    first, second = await receiver.receive(max_messages=5, max_wait=None)
    assert first.message == Message(body=b"a", message_id="m", subject="s", session_id="x")
    assert (second.message.body, second.delivery_count) == (b"b", 2)
    await settle()
    await clock.advance(timedelta(seconds=30))
    (third,) = await receiver.receive(max_messages=5, max_wait=None)
    assert (third.message.body, third.sequence_number) == (b"c", 1001)
    (letter,) = await broker.receiver("work/$DeadLetterQueue").receive(
        max_messages=5, max_wait=None
    )
    assert (letter.message.body, letter.dead_letter_reason) == (b"d", "Bad")
    for message in (second, third):
        await receiver.complete(message)
    assert (await core.counts())[0].size == 35
    await broker.close()
    await core.close()
    await database.close()
