import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import OperationalError

from shared.sql.migrations import Schema, current_revision, migrate
from shared.sql.sqlite import sqlite_engine

REVISION = """
from alembic import op
revision, down_revision = {revision!r}, {previous!r}
def upgrade():
    op.execute({statement!r})
"""
ENVIRONMENT = "from shared.sql.migrations import run_environment\nrun_environment()\n"


def write_schema(folder: Path, name: str, *statements: str) -> Schema:
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    for number, statement in enumerate(statements):
        revision, previous = f"{number:04}", f"{number - 1:04}" if number else None
        source = REVISION.format(revision=revision, previous=previous, statement=statement)
        (folder / "versions" / f"{revision}.py").write_text(source)
    return Schema(name=name, scripts=folder, head=f"{len(statements) - 1:04}")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return sqlite_engine(tmp_path / "tocsin.db")


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def revision(engine: Engine, schema: Schema) -> str | None:
    with engine.connect() as connection:
        return current_revision(connection, schema)


def test_every_revision_is_run_once(engine: Engine, tmp_path: Path) -> None:
    schema = write_schema(tmp_path / "a", "a", "CREATE TABLE one (x)", "CREATE TABLE two (x)")
    assert revision(engine, schema) is None

    migrate(engine, schema)
    migrate(engine, schema)

    assert tables(engine) == {"one", "two", "a_version"}
    assert revision(engine, schema) == "0001"


def test_newer_revisions_are_added_to_what_is_there(engine: Engine, tmp_path: Path) -> None:
    migrate(engine, write_schema(tmp_path / "a", "a", "CREATE TABLE one (x)"))

    migrate(
        engine, write_schema(tmp_path / "a", "a", "CREATE TABLE one (x)", "CREATE TABLE two (x)")
    )

    assert tables(engine) == {"one", "two", "a_version"}


def test_components_keep_their_own_versions_in_one_file(engine: Engine, tmp_path: Path) -> None:
    first = write_schema(tmp_path / "a", "a", "CREATE TABLE one (x)", "CREATE TABLE two (x)")
    second = write_schema(tmp_path / "b", "b", "CREATE TABLE three (x)")

    migrate(engine, first)
    migrate(engine, second)

    assert (revision(engine, first), revision(engine, second)) == ("0001", "0000")


def test_failing_revision_leaves_everything_as_it_was(engine: Engine, tmp_path: Path) -> None:
    schema = write_schema(tmp_path / "a", "a", "CREATE TABLE one (x)", "CREATE TABLE nonsense")

    with pytest.raises(OperationalError):
        migrate(engine, schema)

    assert tables(engine) == set()


def test_alembic_is_not_imported_where_nothing_is_to_do(engine: Engine, tmp_path: Path) -> None:
    schema = write_schema(tmp_path / "a", "a", "CREATE TABLE one (x)")
    migrate(engine, schema)
    program = f"""
import sys
from pathlib import Path
from shared.sql.migrations import Schema, migrate
from shared.sql.sqlite import sqlite_engine
migrate(sqlite_engine(Path({str(tmp_path / "tocsin.db")!r})),
        Schema(name="a", scripts=Path({str(schema.scripts)!r}), head="0000"))
sys.exit("alembic" in sys.modules)
"""

    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
