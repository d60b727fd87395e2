import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bootstrap import Application, count_sealed_values
from shared.errors import ConfigurationError, TransientError
from shared.key_ring import create_key_file
from shared.settings import BrokerKind, Role, Settings, load_settings
from shared.sql.database import Transaction
from tests.ports import free_port
from tests.shared.bootstrap.service_bus import NAMESPACE
from tests.shared.messaging.amqp.serving import Served, serving

LEASED = (
    "INSERT INTO service_operation (id, subscription, endpoint, status, answer_status, kept_until,"
    " due_at, lease_until, sweep_at) VALUES ('o1', 's', 'e', 'InProgress', 202, 0, 0, {end}, {end})"
)
FAR_OFF = 1 << 60


class OpenApplication(Application):
    """Shows what is in its database."""

    async def execute(self, statement: str) -> object:
        def run(transaction: Transaction) -> object:
            found = transaction.connection.exec_driver_sql(statement)
            return found.scalar() if found.returns_rows else None

        return await self._database.run(run)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(NAMESPACE) as served:
        yield served


def application(folder: Path, url: str, served: Served) -> OpenApplication:
    create_key_file(folder / "data-key.json")
    return OpenApplication(
        Settings(
            data_dir=folder,
            role=Role.SCHEDULER,
            data_key_file=folder / "data-key.json",
            database_url=url,
            broker=BrokerKind.SERVICEBUS,
            service_bus_connection=served.connection_string,
        )
    )


async def test_processes_share_a_database_and_none_takes_leases_of_another(
    tmp_path: Path, postgres_url: str, served: Served
) -> None:
    create_key_file(tmp_path / "data-key.json")
    first, second = (application(tmp_path, postgres_url, served) for _ in range(2))

    await first.open()
    await first.execute(LEASED.format(end=FAR_OFF))
    await second.open()

    assert await second.execute("SELECT lease_until FROM service_operation") == FAR_OFF
    assert count_sealed_values(tmp_path, database_url=postgres_url) == {"k1": 1}
    assert not (tmp_path / "lock").exists()
    await asyncio.gather(first.close(), second.close())


async def test_server_that_is_away_is_transient(tmp_path: Path, served: Served) -> None:
    url = f"postgresql://tocsin@127.0.0.1:{free_port()}/tocsin"
    away = application(tmp_path, url, served)

    for _ in range(2):
        with pytest.raises(TransientError, match="refused"):
            await away.open()

    with pytest.raises(TransientError, match="refused"):
        count_sealed_values(tmp_path, database_url=url)
    await away.close()


async def test_p8_other_data_keys_than_those_of_the_database_are_refused(
    tmp_path: Path, postgres_url: str, served: Served
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    first = application(tmp_path / "one", postgres_url, served)
    await first.open()

    with pytest.raises(ConfigurationError, match="data-encryption key"):
        await application(tmp_path / "other", postgres_url, served).open()

    await first.close()


async def test_embedded_broker_cannot_be_shared(tmp_path: Path) -> None:
    url = "postgresql://tocsin:s3cret@127.0.0.1/tocsin"

    with pytest.raises(ConfigurationError, match="TOCSIN_BROKER=servicebus") as caught:
        await Application(Settings(data_dir=tmp_path, database_url=url)).open()

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:s3cret@h/d",
        "postgresql://u:s3cret@h",
        "postgresql://u:s3cret@x@h/d",
        "postgresql://u:s3c ret@h/d",
        "s3cret",
    ],
)
def test_p8_malformed_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_DATABASE_URL") as caught:
        load_settings({"TOCSIN_DATABASE_URL": url})

    assert "s3c" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret@h:5432/d?sslmode=require",
        "postgres://u:s3%40cret@[::1]/d",
        "postgresql://h/d",
    ],
)
def test_p8_url_is_taken_and_not_shown(url: str) -> None:
    settings = load_settings({"TOCSIN_DATABASE_URL": url})

    assert settings.database_url == url
    assert "s3" not in repr(settings)


def test_driver_is_imported_only_where_it_is_used() -> None:
    program = (
        "import sys, function_app, shared.cli.main, shared.bootstrap, shared.host.local;"
        "sys.exit(int('psycopg' in sys.modules or 'sqlalchemy.dialects.postgresql' in sys.modules))"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
