"""The port: an SQS queue that messages are taken from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message under its visibility timeout; `receipt` is what it is deleted by."""

    id: str
    receipt: str = field(repr=False)
    body: str = field(repr=False)
    group: str | None = None
    deduplication_id: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


class SourceQueue(Protocol):
    """One queue."""

    @property
    def name(self) -> str: ...

    async def receive(self) -> list[QueuedMessage]:
        """Return up to ten messages, of one group in its order; none when there are none now.

        What is not deleted comes back after the queue's visibility timeout, and goes to its dead-letter queue when it
        has come often enough.

        Raises:
            TransientError: the queue cannot be reached, or not entered.
        """

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        """Remove messages for good; one whose timeout is over may come back all the same.

        Raises:
            TransientError: the queue cannot be reached, or not entered.
        """
