from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.events.tables import SCHEMA, metadata
from shared.sql.migrations import migrate
from shared.sql.sqlite import sqlite_engine


def test_the_head_is_the_newest_revision() -> None:
    assert ScriptDirectory(str(SCHEMA.scripts)).get_current_head() == SCHEMA.head


def test_the_migrations_make_the_tables_that_the_statements_use(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "tocsin.db")
    migrate(engine, SCHEMA)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": SCHEMA.version_table}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()
