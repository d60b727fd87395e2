import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Connection

from shared.clock import SystemClock
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.scheduler.stores import executions, history, jobs, outgoing, progress, timings
from shared.scheduler.stores.tables import SCHEMA
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import migrate
from shared.sql.prepared import Prepared
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from tests.contracts.scheduler_store import SchedulerStoreContract


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, BROKER_SCHEMA)
    migrate(engine, SCHEMA)
    engine.dispose()
    return path


class TestInline(SchedulerStoreContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = InlineDatabase(path)
        yield database
        await database.close()


class TestWithThreads(SchedulerStoreContract):
    @pytest.fixture
    async def database(self, path: Path) -> AsyncIterator[Database]:
        database = SqliteDatabase(path, clock=SystemClock())
        yield database
        await database.close()


def statements(module: ModuleType) -> dict[str, Prepared]:
    """Return what a module prepares, by a name of its own."""
    name = module.__name__.rpartition(".")[2]
    found = {one: value for one, value in vars(module).items() if isinstance(value, Prepared)}
    found |= {f"PRUNE {one}": value for one, value in enumerate(getattr(module, "PRUNE", ()))}
    return {f"{name} {one}": value for one, value in found.items()}


STATEMENTS = {
    name: statement
    for module in (executions, history, jobs, outgoing, progress, timings)
    for name, statement in statements(module).items()
}
BY_INDEX = re.compile(r"(SEARCH \w+ USING|CORRELATED SCALAR|SCALAR|LIST) .*")
# The oldest of a table, up to a limit; and the executions of a job that have not ended, which are few.
BOUNDED = {
    "history PRUNE 0": {"SCAN history", "SCAN anon_1", "CO-ROUTINE anon_1"},
    "history PRUNE 1": {"SCAN skipped", "SCAN anon_1", "CO-ROUTINE anon_1"},
    "outgoing OLDEST": {"SCAN outgoing"},
    "executions OF_JOB": {"USE TEMP B-TREE FOR ORDER BY"},
}


@pytest.fixture
def connection(path: Path) -> Iterator[Connection]:
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("name", STATEMENTS)
def test_p12_every_statement_finds_its_rows_by_an_index(connection: Connection, name: str) -> None:
    text, names, _ = STATEMENTS[name]._for(connection.dialect)

    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (1,) * len(names or ())).all()

    details = {row.detail for row in plan} - BOUNDED.get(name, set())
    assert [one for one in details if not BY_INDEX.fullmatch(one)] == []


READS: dict[str, Callable[[Connection], object]] = {
    "find": lambda connection: jobs.SqlJobs().find(connection, 1, "j"),
    "list": lambda connection: jobs.SqlJobs().list(connection, 1, state=None, skip=0, top=9),
    "some": lambda connection: jobs.SqlJobs().some(
        connection, cloud_service_id=1, job_collection_id=None, limit=9
    ),
}


@pytest.mark.parametrize("name", READS)
def test_p12_reading_a_job_costs_the_same_however_often_it_ran(
    connection: Connection, name: str
) -> None:
    for statement in (
        "INSERT INTO cloud_service VALUES (1, 's', 'c', 'c', 'e', '{}', 0)",
        "INSERT INTO job_collection VALUES (1, 1, 'jc', 'jc', 'e', 'Free', '{}', '', '', NULL, 0, '', '')",
        "INSERT INTO job VALUES (1, 1, 'j', 'j', 'enabled', '{}', 0)",
        "INSERT INTO job_timing (job_id, generation, next_occurrence) VALUES (1, 1, 9)",
    ):
        connection.exec_driver_sql(statement)
    before = steps(connection, READS[name])

    connection.exec_driver_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO execution (id, job_id, generation, origin, occurrence, subscription,"
        " cloud_service, job_collection, job, state, action_name, started_at, ended_at)"
        " SELECT i, 1, 1, 'schedule', i, '', '', '', '', 'succeeded', '', 1, 1 FROM n"
    )

    assert steps(connection, READS[name]) == before > 0


def steps(connection: Connection, read: Callable[[Connection], object]) -> int:
    """Return how many steps SQLite's machine takes for `read`."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(count, 1)
    assert read(connection)
    driver.set_progress_handler(None, 1)
    return taken
