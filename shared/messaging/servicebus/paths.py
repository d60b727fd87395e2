"""Names of entities as the SDK wants them."""

import re
from dataclasses import dataclass

DEAD_LETTER_QUEUE = "/$deadletterqueue"
SUBSCRIPTION = re.compile(r"(.+)/subscriptions/([^/]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourcePath:
    """What can be received from: a queue, or a topic's subscription, or the dead-letter queue of either."""

    path: str
    queue: str | None
    topic: str | None
    subscription: str | None
    is_dead_letter: bool

    def __str__(self) -> str:
        return self.path


def source_path(path: str) -> SourcePath:
    """Take a path apart; whether there is such an entity only the broker knows."""
    is_dead_letter = path.lower().endswith(DEAD_LETTER_QUEUE)
    entity = path[: -len(DEAD_LETTER_QUEUE)] if is_dead_letter else path
    if found := SUBSCRIPTION.fullmatch(entity):
        return SourcePath(path, None, found[1], found[2], is_dead_letter)
    return SourcePath(path, entity, None, None, is_dead_letter)
