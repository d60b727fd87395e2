"""The migrations make what the table says."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.schema import SchemaItem

from shared.data_keys.tables import SCHEMA, metadata
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCHEMA.scripts))

    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA.head


def test_migrated_database_has_the_table(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "t.db")
    migrate(engine, SCHEMA)

    def ours(_item: SchemaItem, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in metadata.tables

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []
