"""EventBridge: up to ten events in one call; rules match `detail`, which is the whole event.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws.names import region_of_bus
from shared.events.cloudevent import parse_time
from shared.events.sink import Destination, OutgoingEvent
from shared.events.sinks.aws import NO_ANSWER, Refusal
from shared.events.sinks.calls import Caps, Entry, members_of, text_of

MEGABYTE = 1_000_000
LONGEST_DETAIL_TYPE = 128
TIME_BYTES = 14


class EventBus:
    """One event bus."""

    name = "events"
    keeps_order = False
    # «The total entry size must be less than 1MB» since January 2026, of all entries together.
    caps = Caps(entries=10, bytes=MEGABYTE - 1, bytes_alone=MEGABYTE - 1)

    def __init__(self, destination: Destination, *, region: str | None) -> None:
        """`region` is the process's, for buses that are named without one."""
        self._bus = str(destination.settings["eventBus"])
        given = destination.settings.get("region")
        self.region = region_of_bus(self._bus, default=str(given) if given else region)

    def entry(self, position: int, event: OutgoingEvent) -> Entry:
        members = members_of(event)
        content: dict[str, Any] = {
            "Source": str(members["source"]),
            "DetailType": str(members["type"])[:LONGEST_DETAIL_TYPE],
            "Detail": text_of(event),
            "EventBusName": self._bus,
        }
        if subject := members.get("subject"):
            content["Resources"] = [str(subject)]
        if time := parse_time(str(members.get("time"))):
            content["Time"] = time
        return Entry(position=position, size=size_of(content), content=content)

    def request(self, entries: Sequence[Entry]) -> tuple[str, Mapping[str, Any]]:
        return "put_events", {"Entries": [entry.content for entry in entries]}

    def refusals(
        self, entries: Sequence[Entry], answer: Mapping[str, Any]
    ) -> Mapping[int, Refusal]:
        """What is answered is in the order of the entries, without their names."""
        results = list(answer.get("Entries", ()))
        results += [{"ErrorCode": NO_ANSWER}] * (len(entries) - len(results))
        return {
            entry.position: Refusal(code, result.get("ErrorMessage"))
            for entry, result in zip(entries, results, strict=False)
            if (code := result.get("ErrorCode"))
        }


def size_of(content: Mapping[str, Any]) -> int:
    """Return the bytes that an entry counts.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html
    """
    texts = [content["Source"], content["DetailType"], content["Detail"]]
    texts += content.get("Resources", [])
    return (TIME_BYTES if "Time" in content else 0) + sum(len(text.encode()) for text in texts)
