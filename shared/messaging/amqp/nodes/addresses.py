"""What a link's address names: an entity, its management node, or the node that takes tokens (facts §1, "Links")."""

from dataclasses import dataclass
from enum import StrEnum, auto

from shared.errors import EntityNotFoundError

CBS = "$cbs"
MANAGEMENT = "$management"


class NodeKind(StrEnum):
    """What a link can be attached to."""

    TOKENS = auto()
    MANAGEMENT = auto()
    ENTITY = auto()


@dataclass(frozen=True, slots=True)
class Address:
    """`entity` is the path of the queue, topic or subscription, in lower case; empty for tokens."""

    kind: NodeKind
    entity: str

    @property
    def path(self) -> str:
        """What a token has to cover."""
        return f"{self.entity}/{MANAGEMENT}" if self.kind is NodeKind.MANAGEMENT else self.entity


def parse_address(text: str | None) -> Address:
    """Read a URL or a bare path, in any case. Raises EntityNotFoundError when it names nothing."""
    path = entity_path(text or "")
    if path == CBS:
        return Address(NodeKind.TOKENS, "")
    entity, slash, last = path.rpartition("/")
    if last == MANAGEMENT and slash:
        return Address(NodeKind.MANAGEMENT, entity)
    if not path or last == MANAGEMENT:
        raise EntityNotFoundError(f"the address {text!r} names no queue, topic or subscription")
    return Address(NodeKind.ENTITY, path)


def entity_path(text: str) -> str:
    """Return the path of a URL, which may lack scheme and host, in lower case and without slashes at its ends."""
    scheme, separator, rest = text.partition("://")
    path = rest.partition("/")[2] if separator and "/" not in scheme else text
    return path.strip("/").lower()
