import asyncio
import logging
import sqlite3
import subprocess
import sys
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import DATABASE_FILE, Application
from shared.errors import ConfigurationError, TransientError
from shared.key_ring import create_key_file
from shared.messaging.amqp.codec.envelopes import message_of
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import OPERATIONS, TOCSIN_QUEUES
from shared.messaging.message import Message
from shared.settings import BrokerKind, Durability, Role, Settings
from tests.clocks import settle
from tests.shared.bootstrap.service_bus import on_service_bus


def settings(data_dir: Path, **others: Any) -> Settings:
    """Return those of a Scheduler on this folder, which has a key."""
    key_file = data_dir / "data-key.json"
    create_key_file(key_file)
    return Settings(data_dir=data_dir, role=Role.SCHEDULER, data_key_file=key_file, **others)


def scheduler(data_dir: Path) -> Application:
    return Application(settings(data_dir))


def sqlite_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("sqlite-")]


async def test_a_missing_setting_fails_the_first_call_that_needs_it_and_names_it(
    tmp_path: Path,
) -> None:
    app = scheduler(tmp_path)
    await app.open()

    with pytest.raises(ConfigurationError, match="TOCSIN_CLIENT_CERTIFICATE is missing"):
        _ = app.connector

    await app.close()


@pytest.mark.parametrize("role", list(Role))
async def test_p8_no_role_opens_a_folder_without_a_key(role: Role, tmp_path: Path) -> None:
    app = Application(Settings(data_dir=tmp_path, role=role))

    with pytest.raises(ConfigurationError, match="TOCSIN_DATA_KEY_FILE is missing"):
        await app.open()

    assert sqlite_threads() == []


async def test_p8_a_scheduler_starts_under_no_other_key_than_that_of_its_database(
    tmp_path: Path,
) -> None:
    first = scheduler(tmp_path)
    await first.open()
    await first.close()
    (tmp_path / "data-key.json").unlink()

    with pytest.raises(ConfigurationError, match="restore its key file"):
        await scheduler(tmp_path).open()


async def test_callers_at_the_same_time_open_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shared.bootstrap.wiring")
    app = scheduler(tmp_path)

    await asyncio.gather(*(app.open() for _ in range(5)))

    assert [record.message for record in caplog.records] == ["took over the database"]
    assert sqlite_threads().count("sqlite-checkpoint") == 1
    await app.close()


async def test_a_folder_can_be_opened_again_after_it_was_closed(tmp_path: Path) -> None:
    for _ in range(2):
        app = scheduler(tmp_path)
        await app.open()
        await app.close()


async def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    first = scheduler(tmp_path)
    await first.open()

    with pytest.raises(ConfigurationError, match="in use by process"):
        await scheduler(tmp_path).open()

    await first.close()


async def test_what_is_no_database_is_refused_and_the_folder_let_go(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).mkdir()
    app = scheduler(tmp_path)

    with pytest.raises(ConfigurationError, match="unable to open"):
        await app.open()

    (tmp_path / DATABASE_FILE).rmdir()
    await app.open()
    await app.close()


async def test_taking_over_that_fails_leaves_nothing_open_and_can_be_tried_again(
    tmp_path: Path,
) -> None:
    first = scheduler(tmp_path)
    await first.open()
    await first.close()
    rename_table(tmp_path, "service_operation", "elsewhere")
    second = scheduler(tmp_path)

    with pytest.raises(ConfigurationError, match="no such table"):
        await second.open()

    assert sqlite_threads() == []
    rename_table(tmp_path, "elsewhere", "service_operation")
    third = scheduler(tmp_path)
    await third.open()
    await third.close()
    await second.open()
    assert await second.broker.peek("service-operations") == []
    await second.close()
    assert sqlite_threads() == []


async def test_closed_application_stays_closed(tmp_path: Path) -> None:
    app = scheduler(tmp_path)
    await app.open()
    await app.close()
    await app.close()

    with pytest.raises(TransientError, match="ending"):
        await app.open()
    with pytest.raises(TransientError, match="closed"):
        await app.broker.peek("service-operations")

    assert sqlite_threads() == []


async def test_cancelled_closing_goes_on(tmp_path: Path) -> None:
    app = scheduler(tmp_path)
    await app.open()
    closing = asyncio.create_task(app.close())
    await settle(1)

    closing.cancel()
    await asyncio.wait([closing])
    await asyncio.wait_for(app.close(), 10)

    assert sqlite_threads() == []


class DisturbedBroker(EmbeddedBroker):
    """Cannot tell that it is closed."""

    async def close(self) -> None:
        await super().close()
        raise OSError("disturbed")


class Disturbed(Application):
    """Has a broker that raises when it is closed."""

    @cached_property
    def broker(self) -> EmbeddedBroker:
        return DisturbedBroker(self._database, clock=self.clock, queues=TOCSIN_QUEUES)


async def test_part_that_cannot_be_closed_keeps_no_other_open(tmp_path: Path) -> None:
    app = Disturbed(settings(tmp_path))
    await app.open()

    with pytest.raises(OSError, match="disturbed"):
        await app.close()

    assert sqlite_threads() == []
    second = scheduler(tmp_path)
    await second.open()
    await second.close()


class Observed(Application):
    """Tells how its commits are synced."""

    async def synchronous(self) -> object:
        return await self._database.run(
            lambda tx: tx.connection.exec_driver_sql("PRAGMA synchronous").scalar()
        )


@pytest.mark.parametrize(
    ("durability", "synchronous"), [(Durability.POWER, 2), (Durability.PROCESS, 1)]
)
async def test_durability_is_a_setting(
    tmp_path: Path, durability: Durability, synchronous: int
) -> None:
    app = Observed(settings(tmp_path, durability=durability))
    await app.open()

    assert await app.synchronous() == synchronous

    await app.close()


async def test_service_bus_without_a_connection_is_refused_and_names_both_settings(
    tmp_path: Path,
) -> None:
    app = Application(settings(tmp_path, broker=BrokerKind.SERVICEBUS))

    with pytest.raises(ConfigurationError) as caught:
        await app.open()

    assert "ServiceBusConnection " in str(caught.value)
    assert "ServiceBusConnection__fullyQualifiedNamespace" in str(caught.value)
    assert sqlite_threads() == []


async def test_wake_ups_go_to_service_bus_after_their_commit_also_at_the_very_end(
    tmp_path: Path,
) -> None:
    async with on_service_bus(tmp_path) as (app, served):
        await app.commit(OPERATIONS, Message(body=b"while the connection is opened"))
        await settle()
        await app.commit(OPERATIONS, Message(body=b"when the process ends"))
        await app.close()

        locks = await served.core.lock(OPERATIONS, max_messages=3, max_wait=None)

    assert [message_of(lock.payload).body for lock in locks] == [
        b"while the connection is opened",
        b"when the process ends",
    ]


def test_sdk_of_service_bus_is_imported_only_where_it_is_used() -> None:
    program = (
        "import sys, function_app, shared.cli.main, shared.bootstrap, shared.host.local;"
        "sys.exit(int('azure.servicebus' in sys.modules or 'azure.identity' in sys.modules))"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def rename_table(data_dir: Path, table: str, name: str) -> None:
    with sqlite3.connect(data_dir / DATABASE_FILE) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
    connection.close()
