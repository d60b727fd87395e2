"""SQS: up to ten events in one call, of FIFO queues one of each group at most.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws.names import FIFO, region_of_queue
from shared.events.sink import Destination, OutgoingEvent
from shared.events.sinks.aws import Refusal, refused_by_id
from shared.events.sinks.calls import Caps, Entry, message_entry

MEBIBYTE = 1024 * 1024


class SqsQueue:
    """One queue, standard or FIFO."""

    name = "sqs"
    # The service's limit since August 2025; a queue may have a lower one of its own, which it then tells.
    caps = Caps(entries=10, bytes=MEBIBYTE, bytes_alone=MEBIBYTE)

    def __init__(self, destination: Destination, *, region: str | None) -> None:
        """`region` is that of queues behind an endpoint of the operator's, whose URLs tell none."""
        self._url = str(destination.settings["queueUrl"])
        self._group = destination.settings.get("messageGroupId")
        self.region = region_of_queue(self._url, default=region)
        self.keeps_order = self._url.endswith(FIFO)

    def entry(self, position: int, event: OutgoingEvent) -> Entry:
        return message_entry(
            position, event, member="MessageBody", is_fifo=self.keeps_order, group=self._group
        )

    def request(self, entries: Sequence[Entry]) -> tuple[str, Mapping[str, Any]]:
        contents = [entry.content for entry in entries]
        return "send_message_batch", {"QueueUrl": self._url, "Entries": contents}

    def refusals(
        self, entries: Sequence[Entry], answer: Mapping[str, Any]
    ) -> Mapping[int, Refusal]:
        return refused_by_id(entries, answer)
