from dataclasses import replace
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.clock import from_microseconds
from shared.events.event_subscription import EventFilter, EventSubscription, from_row
from shared.events.event_subscription_statements import GET
from shared.events.sink import SinkType
from shared.events.status import EventSubscriptionStatus
from shared.events.stored_secrets import StoredSecret
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


def test_event_subscriptions_of_the_first_revision_are_carried_over(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "tocsin.db")
    migrate(engine, replace(SCHEMA, head="0001"))
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO event_subscription (id, url, sealed_secret, filter_types, subject_prefix,"
            " status, created_at, due_at) VALUES"
            " ('es1', 'https://example.org/''\"', 'sealed1.k1.QUJD', '[\"*\"]', '', 'enabled', 7, 9)"
        )
        connection.exec_driver_sql("INSERT INTO event_filter VALUES ('*', 'es1')")
        connection.exec_driver_sql("INSERT INTO event VALUES (1, 'e1', 1, 5, 't', NULL, x'7b7d')")
        connection.exec_driver_sql(
            "INSERT INTO delivery (event_subscription_id, number, due_at, status)"
            " VALUES ('es1', 1, 9, 'pending')"
        )

    migrate(engine, SCHEMA)

    with engine.connect() as connection:
        (found,) = [from_row(row) for row in GET.rows(connection, name="es1")]
        assert found == EventSubscription(
            id="es1",
            sink_type=SinkType.WEBHOOK,
            sink_settings={"url": "https://example.org/'\"", "validation": "none"},
            secrets=(StoredSecret("sealed1.k1.QUJD"),),
            filter=EventFilter(types=("*",)),
            status=EventSubscriptionStatus.ENABLED,
            created_at=from_microseconds(7),
        )
        assert connection.exec_driver_sql("SELECT due_at FROM delivery").scalar() == 9
        assert connection.exec_driver_sql("SELECT count(*) FROM event_filter").scalar() == 1
    engine.dispose()
