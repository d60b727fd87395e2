from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.messaging.embedded import statements
from shared.sql.sqlite import sqlite_engine

FRAGMENTS = {"COLUMNS", "UNEXPIRED", "ONE", "HELD"}
STATEMENTS = {
    name: text
    for name, text in vars(statements).items()
    if isinstance(text, str) and name.isupper() and name not in FRAGMENTS
}


@pytest.fixture
def engine(migrated: Path) -> Engine:
    return sqlite_engine(migrated)


@pytest.mark.parametrize("name", STATEMENTS)
def test_p12_no_statement_looks_at_what_it_does_not_need(engine: Engine, name: str) -> None:
    statement = STATEMENTS[name]

    with engine.connect() as connection:
        parameters = (1,) * statement.count("?")
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()

    steps = [row.detail for row in plan]
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step]
    assert steps or statement.lstrip().startswith("INSERT")
