import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.scheduler.stores.tables import SCHEMA, metadata
from shared.sql.inline import InlineDatabase
from shared.sql.migrations import current_revision, migrate
from shared.sql.sqlite import sqlite_engine
from shared.wire.job import JobState, JobStatus
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import JOB, RUN_NOW_DELAY, build_stack


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


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database from before there was an engine, with three jobs."""
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, BROKER_SCHEMA)
    migrate(engine, replace(SCHEMA, head="0001"))
    hourly = {**JOB, "startTime": "2025-06-01T00:30:00Z", "recurrence": {"frequency": "hour"}}
    statements = [
        "INSERT INTO cloud_service VALUES (1, 's1', 'cs1', 'Cs1', 'e', '{\"geoRegion\":\"g\"}', 0)",
        "INSERT INTO job_collection VALUES (1, 1, 'jc1', 'Jc1', 'e', 'Free', '{}', '', '', NULL, 0)",
        *(
            f"INSERT INTO job VALUES ({number}, 1, '{name}', '{name}', '{state}', '{json.dumps(job)}')"
            for number, (name, state, job) in enumerate(
                [("hourly", "enabled", hourly), ("once", "enabled", JOB), ("off", "disabled", JOB)],
                1,
            )
        ),
    ]
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
    return path


async def test_jobs_from_before_there_was_an_engine_are_planned_by_its_first_tick(
    old: Path,
) -> None:
    engine = sqlite_engine(old)
    with engine.connect() as connection:
        assert current_revision(connection, SCHEMA) == "0001"
    migrate(engine, SCHEMA)
    engine.dispose()
    database = InlineDatabase(old)
    stack = build_stack(database, FakeClock())
    stack.collection_id = 1

    assert await stack.ticker.tick() == START + RUN_NOW_DELAY

    half_past = START + timedelta(minutes=30)
    hourly, once, off = [await stack.job(name) for name in ("hourly", "once", "off")]
    assert (hourly.state, hourly.status.next_execution_time) == (JobState.ENABLED, half_past)
    assert (once.state, once.status.next_execution_time) == (
        JobState.ENABLED,
        START + RUN_NOW_DELAY,
    )
    assert (off.state, off.status) == (JobState.DISABLED, JobStatus())

    await stack.patch("off", state="enabled")
    await stack.step(RUN_NOW_DELAY)
    assert [(await stack.job(name)).state for name in ("once", "off")] == [JobState.COMPLETED] * 2
    assert len(await stack.history("off")) == 1
    await stack.broker.close()
    await database.close()
