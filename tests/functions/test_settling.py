import asyncio
from datetime import timedelta
from pathlib import Path

import azure.functions as func
import pytest

from functions.queues import accept_command
from functions.settling import backing_off
from shared.bootstrap import Application, use
from shared.errors import ConfigurationError
from shared.settings import Settings
from tests.clocks import FakeClock, settle
from tests.functions.requests import message


@backing_off
async def broken(message: func.ServiceBusMessage) -> None:
    raise OSError("the database is away")


@backing_off
async def fine(message: func.ServiceBusMessage) -> None:
    return None


@pytest.mark.parametrize(("deliveries", "seconds"), [(1, 2), (3, 8), (6, 60), (99, 60)])
async def test_a_failure_comes_back_after_a_wait_that_doubles_up_to_a_minute(
    app: Application, deliveries: int, seconds: int
) -> None:
    clock = app.clock
    assert isinstance(clock, FakeClock)
    failing: asyncio.Future[None] = asyncio.ensure_future(
        broken(message(b"{}", deliveries=deliveries))
    )
    await settle()

    await clock.advance(timedelta(seconds=seconds - 1))
    assert not failing.done()
    await clock.advance(timedelta(seconds=1))

    with pytest.raises(OSError, match="away"):
        await failing


async def test_an_application_that_cannot_be_opened_is_waited_for_too(tmp_path: Path) -> None:
    (tmp_path / "owner").write_text("no folder")
    clock = FakeClock()
    use(Application(Settings(data_dir=tmp_path / "owner" / "data"), clock=clock))
    failing = asyncio.ensure_future(accept_command(message(b"{}", deliveries=2)))
    await settle()

    await clock.advance(timedelta(seconds=3))
    assert not failing.done()
    await clock.advance(timedelta(seconds=1))

    with pytest.raises(ConfigurationError, match="cannot write the data folder"):
        await failing


async def test_a_success_waits_for_nothing(app: Application) -> None:
    await asyncio.wait_for(fine(message(b"{}")), 1)


def test_the_host_sees_the_functions_own_name_and_that_it_is_async() -> None:
    assert broken.__name__ == "broken"
    assert asyncio.iscoroutinefunction(broken)
