"""The migrations make what the tables say."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.schema import SchemaItem

from shared.connector.stores.tables import SCHEMA, metadata
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine

MOST_BYTES = 5_000_000
OPERATIONS_FROM_BEFORE = """
WITH RECURSIVE numbers(number) AS (SELECT 2 UNION ALL SELECT number + 2 FROM numbers WHERE number < 40000)
INSERT INTO operation (number, id, command, resource, status, caller, time_limit, requested_at, waits_for)
SELECT number, number, 'C',
  CASE number % 4 WHEN 0 THEN '/cloudservices/CS' ELSE '/cloudservices/cs/jobcollections/JC/jobs/a' END,
  'Succeeded', 'key', 1, 1, 0
FROM numbers
"""


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCHEMA.scripts))

    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA.head


def test_migrated_database_has_the_tables(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "t.db")
    migrate(engine, SCHEMA)

    def ours(_item: SchemaItem, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in metadata.tables

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


def test_p12_operations_from_before_get_their_paths_few_at_a_time(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "t.db")
    before_lists = replace(SCHEMA, head="0002")
    migrate(engine, before_lists)
    with engine.connect() as connection:
        connection.exec_driver_sql(OPERATIONS_FROM_BEFORE)
    migrated = sqlite_engine(tmp_path / "other.db")
    migrate(migrated, SCHEMA)  # what is imported for it is no part of what follows

    tracemalloc.start()
    migrate(engine, SCHEMA)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT path, service_scope, collection_scope, count(*) FROM operation GROUP BY 1, 2, 3"
        ).all()
    engine.dispose()
    migrated.dispose()
    service, collection = "/cloudservices/cs/", "/cloudservices/cs/jobcollections/jc/"
    assert sorted(map(tuple, found)) == [
        (service, service, None, 10_000),
        (f"{collection}jobs/a/", service, collection, 10_000),
    ]
    assert peak < MOST_BYTES
