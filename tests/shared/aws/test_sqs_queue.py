from contextlib import AbstractAsyncContextManager

import pytest

from shared.aws.refusals import AwsCallError
from shared.aws.sqs_queue import SqsSourceQueue
from tests.contracts.source_queue import SourceQueueContract
from tests.shared.aws.moto_queue import FilledMoto, filled_moto
from tests.shared.events.sinks.aws_destinations import (
    ACCOUNT,
    REGION,
    clients_of,
    connection_to,
)


class TestQueueOnMoto(SourceQueueContract):
    @pytest.fixture(autouse=True)
    def _place(self, moto: str) -> None:
        self.moto = moto

    def open(self, *, is_fifo: bool) -> AbstractAsyncContextManager[FilledMoto]:
        return filled_moto(self.moto, is_fifo=is_fifo)


async def test_a_queue_that_is_not_there_is_told_by_aws_own_code(moto: str) -> None:
    clients = clients_of(connection_to(moto), seconds=20)
    queue = SqsSourceQueue(f"{moto}/{ACCOUNT}/nowhere", clients, region=REGION, attributes=())

    with pytest.raises(AwsCallError, match="NonExistentQueue"):
        await queue.receive()

    assert queue.name == "nowhere"
    await clients.close()
