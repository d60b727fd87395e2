"""The rules of a topic's subscription: which messages it gets copies of. Words and meaning are Service Bus's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.messaging.message import NO_PROPERTIES, PropertyValue


@dataclass(frozen=True, slots=True)
class TrueFilter:
    """Matches every message."""


@dataclass(frozen=True, slots=True)
class FalseFilter:
    """Matches none."""


@dataclass(frozen=True, slots=True)
class SqlFilter:
    """Matches messages for which the expression is true; unknown, as of a missing property, is not."""

    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationFilter:
    """Matches messages that have all of these values; case matters, and None asks for nothing."""

    correlation_id: str | None = None
    message_id: str | None = None
    to: str | None = None
    reply_to: str | None = None
    subject: str | None = None
    session_id: str | None = None
    reply_to_session_id: str | None = None
    content_type: str | None = None
    properties: Mapping[str, PropertyValue] = field(default_factory=lambda: NO_PROPERTIES)


Filter = TrueFilter | FalseFilter | SqlFilter | CorrelationFilter


@dataclass(frozen=True, slots=True)
class RuleDescription:
    """A message goes to the subscription, once, when any of its rules without an action matches.

    Each matching rule with an action, statements of Service Bus' SQL action language, makes a copy more, changed by it.
    """

    name: str
    filter: Filter
    action: str | None = None


DEFAULT_RULE = RuleDescription("$Default", TrueFilter())
