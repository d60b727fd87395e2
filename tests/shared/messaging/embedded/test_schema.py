from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.messaging.embedded.schema import SCHEMA, metadata
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine


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
