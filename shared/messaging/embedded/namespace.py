"""Which entities there are, and what their names mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.clock import MICROSECOND
from shared.errors import EntityNotFoundError
from shared.messaging.entities import QueueDescription, ReceivingDescription, TopicDescription

DEAD_LETTER_QUEUE = "$deadletterqueue"
SUBSCRIPTIONS = "subscriptions"


@dataclass(frozen=True, slots=True)
class Source:
    """What can be received from; a dead-letter queue has none of its own and keeps what is given back."""

    path: str
    lock_microseconds: int
    max_delivery_count: int | None
    dead_letter_path: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """What can be sent to: `path` keeps what is scheduled, `copies` get what is active."""

    path: str
    copies: tuple[str, ...]


class Namespace:
    """The entities by their path, in whatever case it is written."""

    def __init__(
        self, queues: Sequence[QueueDescription], topics: Sequence[TopicDescription]
    ) -> None:
        self.sources: dict[str, Source] = {}
        self._targets: dict[str, Target] = {}
        for queue in queues:
            path = queue.name.lower()
            self._add_source(path, queue)
            self._targets[path] = Target(path, (path,))
        for topic in topics:
            path = topic.name.lower()
            copies = {
                f"{path}/{SUBSCRIPTIONS}/{subscription.name.lower()}": subscription
                for subscription in topic.subscriptions
            }
            for copy, subscription in copies.items():
                self._add_source(copy, subscription)
            self._targets[path] = Target(path, tuple(copies))

    def source(self, entity: str) -> Source:
        """Raises EntityNotFoundError when nothing can be received under that name."""
        source = self.sources.get(entity.lower())
        if source is None:
            raise EntityNotFoundError(
                f"there is no queue or subscription {entity!r} to receive from"
            )
        return source

    def target(self, entity: str) -> Target:
        """Raises EntityNotFoundError when nothing can be sent under that name."""
        target = self._targets.get(entity.lower())
        if target is None:
            raise EntityNotFoundError(f"there is no queue or topic {entity!r} to send to")
        return target

    def stored_path(self, entity: str) -> str:
        """Return the path under which messages of `entity` are stored; of a topic these are the scheduled ones."""
        path = entity.lower()
        return path if path in self._targets else self.source(entity).path

    def copies(self, path: str) -> tuple[str, ...]:
        """Return where a message stored under `path` goes when it becomes active."""
        target = self._targets.get(path)
        return target.copies if target is not None else (path,)

    def _add_source(self, path: str, queue: ReceivingDescription) -> None:
        lock = queue.lock_duration // MICROSECOND
        dead_letter_path = f"{path}/{DEAD_LETTER_QUEUE}"
        self.sources[path] = Source(path, lock, queue.max_delivery_count, dead_letter_path)
        self.sources[dead_letter_path] = Source(
            dead_letter_path, lock, max_delivery_count=None, dead_letter_path=None
        )
