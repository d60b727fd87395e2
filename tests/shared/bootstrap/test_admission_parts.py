from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import Application
from shared.errors import ConfigurationError
from shared.key_ring import create_key_file
from shared.settings import Role, Settings

ISSUER = {
    "connector_token_issuer": "https://issuer.example/",
    "connector_token_audience": "api://tocsin",
    "connector_token_key_set": "keys.json",
}


async def started(folder: Path, **settings: Any) -> None:
    create_key_file(folder / "data-key.json")
    values = {"data_dir": folder, "data_key_file": folder / "data-key.json", **settings}
    app = Application(Settings.model_validate(values))
    try:
        await app.open()
    finally:
        await app.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(({**ISSUER, name: None}, "go together") for name in ISSUER),
        (
            {**ISSUER, "connector_token_key_set": "http://issuer.example/keys"},
            "must be one of https",
        ),
        ({"connector_auth": "token"}, "nobody would be asked for anything"),
        ({"polled_collections": ("/cloudservices/cs",)}, "TOCSIN_POLLED_COLLECTIONS"),
    ],
)
async def test_settings_that_let_nobody_in_or_everybody_stop_the_start(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        await started(tmp_path, **settings)


async def test_who_serves_no_connector_needs_no_issuer(tmp_path: Path) -> None:
    await started(tmp_path, role=Role.SCHEDULER, connector_auth="token")
