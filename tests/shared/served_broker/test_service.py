import os
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.errors import ConfigurationError
from shared.messaging.entities import NamespaceDescription, QueueDescription
from shared.served_broker.counts import read_counts
from shared.served_broker.folder import BrokerFolder
from shared.served_broker.service import served_broker
from shared.settings import Durability
from shared.sql.data_folder import DataFolder

ONE = NamespaceDescription(name="one", queues=(QueueDescription(name="q"),))
TOO_LONG = NamespaceDescription(
    name="one", queues=(QueueDescription(name="q", lock_duration=timedelta(hours=1)),)
)


@pytest.fixture
def folder(tmp_path: Path) -> BrokerFolder:
    folder = BrokerFolder(tmp_path)
    folder.prepare([ONE], random_bytes=os.urandom)
    return folder


async def serve(folder: BrokerFolder, namespace: NamespaceDescription) -> None:
    opening = served_broker(folder, [namespace], clock=SystemClock(), durability=Durability.PROCESS)
    async with opening as broker:
        assert await broker.service.start("127.0.0.1", 0) > 0
        with pytest.raises(ConfigurationError, match="in use by process"):
            DataFolder(folder.path)


async def test_the_folder_is_owned_until_the_end(folder: BrokerFolder) -> None:
    await serve(folder, ONE)

    DataFolder(folder.path).close()


async def test_what_cannot_be_opened_lets_the_folder_go(folder: BrokerFolder) -> None:
    with pytest.raises(ConfigurationError, match="locks of 'q' last"):
        await serve(folder, TOO_LONG)

    DataFolder(folder.path).close()


async def test_a_damaged_database_is_named(folder: BrokerFolder) -> None:
    folder.database("one").write_bytes(b"no database at all" * 1000)

    with pytest.raises(ConfigurationError, match=r"one\.db"):
        await serve(folder, ONE)
    with pytest.raises(ConfigurationError, match=r"cannot read .*one\.db"):
        read_counts(folder.database("one"), ONE)
