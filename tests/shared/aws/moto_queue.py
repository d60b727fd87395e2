"""A queue of SQS in moto, and what stands on its other side."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.aws.source_queue import QueuedMessage
from shared.aws.sqs_queue import SqsSourceQueue
from shared.connector.sqs_commands import ATTRIBUTES
from tests.contracts.source_queue import MOST_DELIVERIES
from tests.shared.events.sinks.aws_destinations import REGION, clients_of, connection_to
from tests.shared.events.sinks.moto_destinations import arn_of, client, new_queue, receive


class Watched(SqsSourceQueue):
    """Waits for nothing, and remembers what it gave out, whose visibility timeout a test may end."""

    wait_seconds = 0
    receipts: tuple[str, ...] = ()

    async def receive(self) -> list[QueuedMessage]:
        messages = await super().receive()
        self.receipts += tuple(each.receipt for each in messages)
        return messages


@dataclass
class FilledMoto:
    endpoint: str
    url: str
    dead_url: str
    queue: Watched

    def send(self, body: str, **options: str) -> None:
        given = {
            "MessageGroupId": options.get("group"),
            "MessageDeduplicationId": options.get("deduplication_id"),
        }
        client("sqs", self.endpoint).send_message(
            QueueUrl=self.url,
            MessageBody=body,
            **{name: value for name, value in given.items() if value is not None},
        )

    def send_with(self, body: str, attributes: Mapping[str, str]) -> None:
        client("sqs", self.endpoint).send_message(
            QueueUrl=self.url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    def let_time_pass(self) -> None:
        sqs = client("sqs", self.endpoint)
        for receipt in self.queue.receipts:
            try:
                sqs.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0
                )
            except sqs.exceptions.ClientError:
                continue  # deleted
        self.queue.receipts = ()

    def left(self) -> int:
        """Return how many messages are in the queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = client("sqs", self.endpoint).get_queue_attributes(
            QueueUrl=self.url, AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def dead_letters(self) -> list[str]:
        return [each["Body"] for each in receive(client("sqs", self.endpoint), self.dead_url)]


@asynccontextmanager
async def filled_moto(endpoint: str, *, is_fifo: bool = False) -> AsyncIterator[FilledMoto]:
    """Open a queue with a dead-letter queue."""
    suffix = ".fifo" if is_fifo else ""
    dead_url = new_queue(endpoint, suffix)
    redrive = {"deadLetterTargetArn": arn_of(dead_url), "maxReceiveCount": MOST_DELIVERIES}
    url = new_queue(endpoint, suffix, RedrivePolicy=json.dumps(redrive))
    clients = clients_of(connection_to(endpoint), seconds=20)
    queue = Watched(url, clients, region=REGION, attributes=ATTRIBUTES)
    try:
        yield FilledMoto(endpoint, url, dead_url, queue)
    finally:
        await clients.close()
