"""Which entities there are, and what their names mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from shared.clock import MICROSECOND
from shared.errors import ConfigurationError, EntityNotFoundError
from shared.messaging.entities import (
    EntityDescription,
    NamespaceDescription,
    ReceivingDescription,
    SubscriptionDescription,
    TopicDescription,
)

DEAD_LETTER_QUEUE = "$DeadLetterQueue"
SUBSCRIPTIONS = "Subscriptions"
MAX_LOCK = timedelta(minutes=5)
MAX_PATH = 260
MAX_NAME = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What can be received from, durations in microseconds; `owner` is the queue or topic whose size it adds to.

    A dead-letter queue has none of its own and keeps what is given back; `dead_letter_source` is whose it is.
    """

    path: str
    owner: str
    lock: int
    max_delivery_count: int | None = None
    dead_letter_path: str | None = None
    dead_letter_source: str | None = None
    requires_session: bool = False
    time_to_live: int | None = None
    dead_letters_expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What can be sent to: `path` keeps what is scheduled, `sources` get what is active."""

    path: str
    sources: tuple[Source, ...]
    is_topic: bool
    max_size: int
    time_to_live: int | None
    duplicate_window: int | None

    @property
    def requires_session(self) -> bool:
        return not self.is_topic and self.sources[0].requires_session


class Namespace:
    """The entities by their path, in whatever case it is written.

    Raises:
        ConfigurationError: a name is too long, a lock lasts too long, or two entities have one path.
    """

    def __init__(self, description: NamespaceDescription) -> None:
        self.sources: dict[str, Source] = {}
        self.targets: dict[str, Target] = {}
        self.subscriptions: dict[str, SubscriptionDescription] = {}
        for queue in description.queues:
            source = self._add_source(queue.name, queue.name, queue, queue)
            self._add_target(queue, (source,), is_topic=False)
        for topic in description.topics:
            self._add_target(topic, tuple(self._add_subscriptions(topic)), is_topic=True)

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
        target = self.targets.get(entity.lower())
        if target is None:
            raise EntityNotFoundError(f"there is no queue or topic {entity!r} to send to")
        return target

    def stored_path(self, entity: str) -> str:
        """Return the path under which messages of `entity` are stored; of a topic these are the scheduled ones."""
        path = entity.lower()
        return path if path in self.targets else self.source(entity).path

    def subscription(self, entity: str) -> str:
        """Return the path of a subscription. Raises EntityNotFoundError when there is none of that name."""
        path = entity.lower()
        if path not in self.subscriptions:
            raise EntityNotFoundError(f"there is no subscription {entity!r}")
        return path

    def _add_subscriptions(self, topic: TopicDescription) -> Iterator[Source]:
        for subscription in topic.subscriptions:
            checked_name(subscription.name)
            name = f"{topic.name}/{SUBSCRIPTIONS}/{subscription.name}"
            yield self._add_source(name, topic.name, subscription, subscription)
            self.subscriptions[name.lower()] = subscription

    def _add_source(
        self,
        name: str,
        owner: str,
        receiving: ReceivingDescription,
        entity: EntityDescription | SubscriptionDescription,
    ) -> Source:
        path = self._new_path(name)
        if receiving.lock_duration > MAX_LOCK:
            raise ConfigurationError(
                f"locks of {name!r} last {receiving.lock_duration}; at most {MAX_LOCK} is allowed"
            )
        lock = receiving.lock_duration // MICROSECOND
        letters = f"{name}/{DEAD_LETTER_QUEUE}".lower()
        source = Source(
            path=path,
            owner=owner.lower(),
            lock=lock,
            max_delivery_count=receiving.max_delivery_count,
            dead_letter_path=letters,
            requires_session=receiving.requires_session,
            time_to_live=microseconds(entity.default_message_time_to_live),
            dead_letters_expired=receiving.dead_lettering_on_message_expiration,
        )
        self.sources[path] = source
        self.sources[letters] = Source(
            path=letters, owner=owner.lower(), lock=lock, dead_letter_source=name
        )
        return source

    def _add_target(
        self, entity: EntityDescription, sources: tuple[Source, ...], *, is_topic: bool
    ) -> None:
        path = self._new_path(entity.name) if is_topic else entity.name.lower()
        self.targets[path] = Target(
            path=path,
            sources=sources,
            is_topic=is_topic,
            max_size=entity.max_size,
            time_to_live=microseconds(entity.default_message_time_to_live),
            duplicate_window=microseconds(entity.duplicate_detection_window),
        )

    def _new_path(self, name: str) -> str:
        path = name.lower()
        if not 0 < len(path) <= MAX_PATH:
            raise ConfigurationError(
                f"{name!r} has {len(path)} characters; 1 to {MAX_PATH} are allowed"
            )
        if path in self.targets or path in self.sources:
            raise ConfigurationError(f"there are two entities {name!r}")
        return path


def checked_name(name: str) -> str:
    """Raises ConfigurationError when no subscription can have this name."""
    if not 0 < len(name) <= MAX_NAME:
        raise ConfigurationError(
            f"the name {name!r} has {len(name)} characters; 1 to {MAX_NAME} are allowed"
        )
    return name


def microseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // MICROSECOND
