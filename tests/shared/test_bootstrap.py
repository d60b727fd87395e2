import asyncio
from pathlib import Path

import pytest

from shared.bootstrap import Application
from shared.errors import ConfigurationError
from shared.settings import Role, Settings


async def test_a_missing_setting_fails_the_first_call_that_needs_it_and_names_it(
    tmp_path: Path,
) -> None:
    app = Application(Settings(data_dir=tmp_path, role=Role.SCHEDULER))
    await app.open()

    with pytest.raises(ConfigurationError, match="TOCSIN_DATA_KEY_FILE is missing"):
        _ = app.event_subscriptions

    await app.close()


async def test_callers_at_the_same_time_open_it_once(tmp_path: Path) -> None:
    app = Application(Settings(data_dir=tmp_path, role=Role.SCHEDULER))

    await asyncio.gather(*(app.open() for _ in range(5)))

    await app.close()


async def test_a_folder_can_be_opened_again_after_it_was_closed(tmp_path: Path) -> None:
    for _ in range(2):
        app = Application(Settings(data_dir=tmp_path, role=Role.SCHEDULER))
        await app.open()
        await app.close()


async def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    first = Application(Settings(data_dir=tmp_path, role=Role.SCHEDULER))
    await first.open()

    with pytest.raises(ConfigurationError, match="in use by process"):
        await Application(Settings(data_dir=tmp_path, role=Role.SCHEDULER)).open()

    await first.close()
