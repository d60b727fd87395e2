from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.scheduler.certificate_store import CertificateStore
from shared.scheduler.outgoing import OutgoingStore
from shared.scheduler.store import SchedulerStore
from shared.scheduler.stores.certificates import SqlCertificates
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.sql import sql_store
from tests.broker_apart import broker_apart
from tests.clocks import FakeClock
from tests.contracts.certificate_store import CertificateStoreContract
from tests.contracts.execution_store import ExecutionStoreContract
from tests.contracts.history_store import HistoryStoreContract
from tests.contracts.outgoing_store import OutgoingStoreContract
from tests.contracts.progress_store import ProgressStoreContract
from tests.contracts.scheduler_store import SchedulerStoreContract
from tests.contracts.timing_store import TimingStoreContract


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SchedulerStore]:
    async with broker_apart(tmp_path, FakeClock()) as broker:
        yield sql_store(broker)


class TestSchedulerStore(SchedulerStoreContract):
    pass


class TestExecutions(ExecutionStoreContract):
    pass


class TestHistory(HistoryStoreContract):
    pass


class TestProgress(ProgressStoreContract):
    pass


class TestTimings(TimingStoreContract):
    pass


class TestOutgoing(OutgoingStoreContract):
    @pytest.fixture
    def store(self) -> OutgoingStore:
        return SqlOutgoing()


class TestCertificates(CertificateStoreContract):
    @pytest.fixture
    def store(self) -> CertificateStore:
        return SqlCertificates()
