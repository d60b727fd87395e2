import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from shared.scheduler.action import Outcome
from shared.scheduler.actions.queue_message import QueueMessageAction
from shared.wire.json_types import JsonObject
from tests.shared.scheduler.actions.calling import attempt


@asynccontextmanager
async def opened() -> AsyncIterator[QueueMessageAction]:
    action = QueueMessageAction()
    yield action
    await action.close()


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            {"type": "storageQueue", "queueMessage": {"storageAccount": "a1", "queueName": "q1", "sasToken": "s3cret"}},
            "StorageQueue Action - Message to queue 'q1' of storage account 'a1' was not sent",
        ),
        (
            {"type": "serviceBusQueue", "serviceBusQueueMessage": {"queueName": "q1", "namespace": "n1"}},
            "ServiceBusQueue Action - Message to queue 'q1' of namespace 'n1' was not sent",
        ),
        (
            {"type": "serviceBusTopic", "serviceBusTopicMessage": {"topicPath": "t1", "namespace": "n1"}},
            "ServiceBusTopic Action - Message to topic 't1' of namespace 'n1' was not sent",
        ),
    ],
)  # fmt: skip
async def test_an_attempt_fails_and_says_that_nothing_was_sent(
    action: JsonObject, message: str
) -> None:
    async with opened() as queues:
        outcome = await queues.execute(replace(attempt("http://h/"), action=action))

    assert outcome == Outcome(
        is_success=False,
        message=f"{message}: this version does not send messages yet",
        reason="not_sent",
    )
    assert "s3cret" not in json.dumps(outcome.message)
