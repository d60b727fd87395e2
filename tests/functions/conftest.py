from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bootstrap import Application, use
from shared.development_certificates import create_development_certificates
from shared.key_ring import create_key_file
from shared.settings import Settings
from tests.clocks import FakeClock


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    return create_development_certificates(folder, now=FakeClock().now()).client


@pytest.fixture
async def app(tmp_path: Path, certificate: Path) -> AsyncIterator[Application]:
    """This process's application, on a folder of its own; nobody listens where its Scheduler should be."""
    create_key_file(tmp_path / "data-key.json")
    app = Application(
        Settings(
            data_dir=tmp_path,
            scheduler_url="https://127.0.0.1:1",
            client_certificate=certificate,
            data_key_file=tmp_path / "data-key.json",
        ),
        clock=FakeClock(),
    )
    use(app)
    await app.open()
    yield app
    await app.close()
