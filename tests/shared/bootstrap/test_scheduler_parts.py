import base64
import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from shared.bootstrap import Application
from shared.key_ring import create_key_file
from shared.messaging.entities import HISTORY
from shared.settings import EngineMode, Role, Settings
from tests.shared.bootstrap.service_bus import on_service_bus
from tests.shared.scheduler.actions.attempts import putting, sending
from tests.shared.scheduler.actions.service_bus_target import serving_service_bus
from tests.target_server import serving

# The one that the attempts' secrets are sealed with.
RING = json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(bytes(32)).decode()}})


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


async def test_a_scheduler_alone_tells_what_a_connector_elsewhere_can_hear(tmp_path: Path) -> None:
    async with on_service_bus(tmp_path) as (app, served):
        await app.tell(b"[]")

        assert len(await served.core.peek(HISTORY, from_sequence_number=0, max_messages=2)) == 1


async def test_messages_of_jobs_go_to_the_endpoints_in_the_settings(tmp_path: Path) -> None:
    created = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"
    async with serving(created) as storage, serving_service_bus(tmp_path) as namespace:
        settings = Settings(
            data_dir=tmp_path / "data",
            role=Role.SCHEDULER,
            data_keys=RING,
            allowed_networks=(IPv4Network("127.0.0.0/8"),),
            storage_queue_endpoint=f"{storage.url}{{account}}",
            service_bus_endpoint=namespace.endpoint,
        )
        app = Application(settings)
        await app.open()
        attempts = [putting("q1"), sending("q1")]
        outcomes = [await app.scheduler.action.execute(attempt) for attempt in attempts]
        await app.close()

    assert [outcome.is_success for outcome in outcomes] == [True, True]
    assert [asked.line.partition("?")[0] for asked in storage.requests] == [
        "POST /tocsin/q1/messages"
    ]
    assert namespace.ids == ["e1b0c442"]
