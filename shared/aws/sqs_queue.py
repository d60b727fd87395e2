"""An SQS queue to take from, by boto3."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws.clients import AwsClients
from shared.aws.names import region_of_queue
from shared.aws.source_queue import QueuedMessage

logger = logging.getLogger(__name__)

MOST = 10
SYSTEM_ATTRIBUTES = ("MessageGroupId", "MessageDeduplicationId")


class SqsSourceQueue:
    """Takes from the queue at `url`."""

    # Any wait at all asks every server that may hold messages; a longer one would be paid for by the second.
    wait_seconds = 1

    def __init__(
        self, url: str, clients: AwsClients, *, region: str | None, attributes: Sequence[str]
    ) -> None:
        """`attributes` are the names of those that are read; `region` is for a URL that tells none."""
        self.name = url.rpartition("/")[2]
        self._url = url
        self._clients = clients
        self._region = region_of_queue(url, default=region)
        self._attributes = list(attributes)

    async def receive(self) -> list[QueuedMessage]:
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=MOST,
            WaitTimeSeconds=self.wait_seconds,
            MessageSystemAttributeNames=list(SYSTEM_ATTRIBUTES),
            MessageAttributeNames=self._attributes,
        )
        return [queued(message) for message in answer.get("Messages", ())]

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        entries = [
            {"Id": str(place), "ReceiptHandle": message.receipt}
            for place, message in enumerate(messages)
        ]
        answer = await self._call("delete_message_batch", Entries=entries)
        if failed := answer.get("Failed", ()):
            # They come back, and are known then.
            logger.info("%d messages were not deleted", len(failed), extra={"action": "delete"})

    async def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return await self._clients.call(
            "sqs", self._region, operation, {"QueueUrl": self._url, **parameters}
        )


def queued(message: Mapping[str, Any]) -> QueuedMessage:
    system = message.get("Attributes", {})
    return QueuedMessage(
        id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        group=system.get("MessageGroupId"),
        deduplication_id=system.get("MessageDeduplicationId"),
        attributes={
            name: value["StringValue"]
            for name, value in message.get("MessageAttributes", {}).items()
            if "StringValue" in value
        },
    )
