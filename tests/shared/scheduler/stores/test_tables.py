from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.scheduler.stores.tables import SCHEMA, metadata
from shared.sql.migrations import current_revision, migrate
from shared.sql.sqlite import sqlite_engine


def test_the_head_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCHEMA.scripts))

    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA.head


def test_the_migrated_tables_are_those_of_the_metadata(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "tocsin.db")
    migrate(engine, SCHEMA)

    with engine.connect() as connection:
        assert current_revision(connection, SCHEMA) == SCHEMA.head
        context = MigrationContext.configure(
            connection, opts={"version_table": SCHEMA.version_table}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()
