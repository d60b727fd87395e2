"""The connector as its parts are wired."""

from datetime import timedelta
from pathlib import Path

from shared.bootstrap import Application
from shared.development_certificates import create_development_certificates
from tests.clocks import FakeClock
from tests.shared.bootstrap.test_wiring import settings
from tests.shared.connector.world import commands, put_job


async def test_p4_operations_are_kept_as_long_as_the_settings_say(tmp_path: Path) -> None:
    clock = FakeClock()
    certificate = create_development_certificates(tmp_path, now=clock.now()).client
    app = Application(
        settings(tmp_path, operations_kept="P3D", client_certificate=certificate), clock=clock
    )
    await app.open()
    try:
        (operation,) = await app.connector.accept(
            commands(put_job()), caller="key", key=None, correlation_id=None
        )
        await app.connector.cancel(operation.id)

        clock.set(clock.now() + timedelta(days=3))
        assert await app.connector.prune() == 0
        clock.set(clock.now() + timedelta(seconds=1))
        assert await app.connector.prune() == 1
    finally:
        await app.close()
