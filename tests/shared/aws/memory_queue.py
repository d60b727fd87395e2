"""A queue of SQS in memory, proven by the contract, for tests of what takes from one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.aws.source_queue import QueuedMessage
from tests.contracts.source_queue import MOST_DELIVERIES


@dataclass(slots=True)
class Held:
    """A message in the queue."""

    message: QueuedMessage
    deliveries: int = 0
    is_visible: bool = True


@dataclass(slots=True)
class MemoryQueue:
    """Gives what it holds, oldest first; of a group nothing while something of it is not settled."""

    name: str = "commands"
    held: list[Held] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    count: int = 0
    receives: int = 0

    @property
    def queue(self) -> "MemoryQueue":
        return self

    async def receive(self) -> list[QueuedMessage]:
        self.receives += 1
        blocked = {one.message.group for one in self.held if not one.is_visible} - {None}
        found: list[QueuedMessage] = []
        for one in list(self.held):
            if not one.is_visible or one.message.group in blocked or len(found) == 10:
                continue
            if one.deliveries == MOST_DELIVERIES:
                self.held.remove(one)
                self.dead.append(one.message.body)
                continue
            one.deliveries += 1
            one.is_visible = False
            found.append(one.message)
        return found

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        gone = {message.id for message in messages}
        self.held = [one for one in self.held if one.message.id not in gone]

    def send(self, body: str, **options: str) -> None:
        self._add(body, {}, options)

    def send_with(self, body: str, attributes: Mapping[str, str]) -> None:
        self._add(body, attributes, {})

    def let_time_pass(self) -> None:
        for one in self.held:
            one.is_visible = True

    def dead_letters(self) -> list[str]:
        return self.dead

    def _add(self, body: str, attributes: Mapping[str, str], options: Mapping[str, str]) -> None:
        self.count += 1
        message = QueuedMessage(
            id=f"m{self.count}",
            receipt=f"r{self.count}",
            body=body,
            group=options.get("group"),
            deduplication_id=options.get("deduplication_id"),
            attributes=attributes,
        )
        self.held.append(Held(message))
