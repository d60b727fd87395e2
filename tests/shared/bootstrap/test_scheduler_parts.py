from pathlib import Path

import pytest

from shared.bootstrap import Application
from shared.key_ring import create_key_file
from shared.settings import EngineMode, Role, Settings


@pytest.mark.parametrize(("engine", "is_resident"), [("resident", True), ("timer", False)])
async def test_the_engine_stays_in_the_process_unless_a_timer_ticks(
    tmp_path: Path, engine: str, is_resident: bool
) -> None:
    key_file = tmp_path / "data-key.json"
    create_key_file(key_file)
    settings = Settings(
        data_dir=tmp_path,
        role=Role.SCHEDULER,
        engine=EngineMode(engine),
        data_key_file=key_file,
    )
    app = Application(settings)
    await app.open()

    assert (app.scheduler.resident_engine is not None) is is_resident

    await app.close()
