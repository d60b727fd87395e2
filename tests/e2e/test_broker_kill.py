"""P7: SIGKILL of `tocsin broker` under traffic, and consumers that stand still: real processes and clients."""

import asyncio
import gc
import json
import traceback
import warnings
from collections.abc import Awaitable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from tests.e2e.broker_ledger import Ledger
from tests.e2e.broker_traffic import QUEUE, SESSIONS, Traffic
from tests.shared.cli.broker_process import RunningBroker, running

NAMESPACE = "mortal"
LIVES = (1, 10, 20, 40, 60, 80, 120, 160, 200, 300)
"""So many sends are acknowledged in each life, and half as many completions."""
END_SECONDS = 20


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "Config.json"
    often: dict[str, Any] = {"MaxDeliveryCount": 100, "LockDuration": "PT5S"}
    queues = [
        {"Name": QUEUE, "Properties": often},
        {"Name": SESSIONS, "Properties": {**often, "RequiresSession": True}},
    ]
    path.write_text(
        json.dumps({"UserConfig": {"Namespaces": [{"Name": NAMESPACE, "Queues": queues}]}})
    )
    return path


@pytest.fixture(autouse=True)
def forgotten_sockets() -> Iterator[None]:
    """The SDK does not close its sockets to peers that died; they go here, where no warning is an error."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def ends_well(work: Awaitable[None]) -> None:
    """Fail with the text of what it raises: the exception itself would keep the SDK's sockets alive."""
    problem = ""
    try:
        async with asyncio.timeout(END_SECONDS):
            await work
    except Exception as error:
        problem = "".join(traceback.format_exception(error))
    if problem:
        pytest.fail(problem, pytrace=False)


def client_of(broker: RunningBroker) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(broker.connection[NAMESPACE], retry_total=0)


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_p7_what_a_broker_has_acknowledged_survives_ten_kills_under_traffic(
    tmp_path: Path, config: Path
) -> None:
    ledger = Ledger()
    traffic = Traffic(ledger)
    for number, size in enumerate(LIVES):
        durability = ("power", "process")[number % 2]
        options = ("--config", str(config), "--durability", durability)
        async with running(tmp_path / "data", *options) as broker, client_of(broker) as client:
            busy = asyncio.create_task(traffic.run(client))
            enough = asyncio.create_task(ledger.more(sent=size, gone=size // 2))
            await asyncio.wait((busy, enough), return_when=asyncio.FIRST_COMPLETED)
            broker.process.kill()
            await ends_well(busy)
            assert enough.done()

    async with (
        running(tmp_path / "data", "--config", str(config)) as broker,
        client_of(broker) as c,
    ):
        await ends_well(traffic.drain(c))

    assert ledger.lost() == set()
    assert all(one <= other for one, other in pairwise(ledger.numbers))
    assert len(ledger.gone) > sum(LIVES) // 2
