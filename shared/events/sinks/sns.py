"""SNS: up to ten events in one call; filter policies select by the attributes type, source and subject.

https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws.names import FIFO, region_of_topic
from shared.events.sink import Destination, OutgoingEvent
from shared.events.sinks.aws import Refusal, refused_by_id
from shared.events.sinks.calls import Caps, Entry, message_entry

KIBIBYTE = 1024


class SnsTopic:
    """One topic, standard or FIFO."""

    name = "sns"
    # What a topic takes by default; one whose MaximumMessageSize was raised takes single events up to 1 MiB.
    caps = Caps(entries=10, bytes=256 * KIBIBYTE, bytes_alone=1024 * KIBIBYTE)

    def __init__(self, destination: Destination) -> None:
        self._arn = str(destination.settings["topicArn"])
        self.region = region_of_topic(self._arn)
        self.keeps_order = self._arn.endswith(FIFO)

    def entry(self, position: int, event: OutgoingEvent) -> Entry:
        return message_entry(position, event, member="Message", is_fifo=self.keeps_order)

    def request(self, entries: Sequence[Entry]) -> tuple[str, Mapping[str, Any]]:
        contents = [entry.content for entry in entries]
        return "publish_batch", {
            "TopicArn": self._arn,
            "PublishBatchRequestEntries": contents,
        }

    def refusals(
        self, entries: Sequence[Entry], answer: Mapping[str, Any]
    ) -> Mapping[int, Refusal]:
        return refused_by_id(entries, answer)
