from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from shared.bootstrap import Application, use
from shared.bootstrap.data_folder import DATABASE_FILE, bring_up_to_date
from shared.development_certificates import create_development_certificates
from shared.key_ring import create_key_file
from shared.settings import SchedulerKind, Settings
from tests.clocks import FakeClock


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    return create_development_certificates(folder, now=FakeClock().now()).client


@cache
def empty_database() -> bytes:
    """Return the file that the migrations make; Alembic takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / DATABASE_FILE
        bring_up_to_date(path)
        return path.read_bytes()


@asynccontextmanager
async def opened(folder: Path, certificate: Path, **settings: Any) -> AsyncIterator[Application]:
    """Open an application on a folder of its own as this process's; nobody listens where its Scheduler should be."""
    create_key_file(folder / "data-key.json")
    database_file = folder / DATABASE_FILE
    if not database_file.exists():
        database_file.write_bytes(empty_database())
    app = Application(
        Settings(
            data_dir=folder,
            scheduler_url="https://127.0.0.1:1",
            client_certificate=certificate,
            data_key_file=folder / "data-key.json",
            **settings,
        ),
        clock=FakeClock(),
    )
    use(app)
    await app.open()
    yield app
    await app.close()


@pytest.fixture
async def app(tmp_path: Path, certificate: Path) -> AsyncIterator[Application]:
    async with opened(tmp_path, certificate) as app:
        yield app


@pytest.fixture
async def classic_app(tmp_path: Path, certificate: Path) -> AsyncIterator[Application]:
    """An application whose Scheduler is another than Tocsin's."""
    kind = SchedulerKind.CLASSIC
    async with opened(tmp_path, certificate, scheduler_kind=kind) as app:
        yield app
