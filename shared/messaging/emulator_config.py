"""The entities of the official Azure Service Bus emulator's Config.json, so that a project moves over with its file."""

from datetime import timedelta
from typing import Any

from shared.messaging.emulator_documents import (
    ConfigDocument,
    CorrelationFilterDocument,
    EntityProperties,
    NamespaceDocument,
    QueueDocument,
    ReceivingProperties,
    RuleDocument,
    RuleProperties,
    SubscriptionDocument,
    TopicDocument,
)
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.messaging.rules import (
    DEFAULT_RULE,
    CorrelationFilter,
    Filter,
    RuleDescription,
    SqlFilter,
)
from shared.wire.json_types import parse_json
from shared.wire.model import read

NEVER = timedelta(days=1_000_000)
"""Some 2,700 years. .NET says never with TimeSpan.MaxValue, 10,675,199 days, which is longer."""


def read_config(text: str) -> tuple[NamespaceDescription, ...]:
    """Return the namespaces that the file describes.

    Raises:
        InvalidRequestError: with every fault and its JSON path.
    """
    document = read(ConfigDocument, parse_json(text.encode()))
    return tuple(_namespace(one) for one in document.user_config.namespaces)


def _namespace(document: NamespaceDocument) -> NamespaceDescription:
    return NamespaceDescription(
        name=document.name,
        queues=tuple(_queue(one) for one in document.queues),
        topics=tuple(_topic(one) for one in document.topics),
    )


def _queue(document: QueueDocument) -> QueueDescription:
    properties = document.properties
    return QueueDescription(
        name=document.name,
        duplicate_detection_window=_window(properties),
        **_receiving(properties),
    )


def _topic(document: TopicDocument) -> TopicDescription:
    properties = document.properties
    return TopicDescription(
        name=document.name,
        default_message_time_to_live=_time_to_live(properties.default_message_time_to_live),
        duplicate_detection_window=_window(properties),
        subscriptions=tuple(_subscription(one) for one in document.subscriptions),
    )


def _subscription(document: SubscriptionDocument) -> SubscriptionDescription:
    rules = tuple(_rule(one) for one in document.rules)
    return SubscriptionDescription(
        name=document.name, rules=rules or (DEFAULT_RULE,), **_receiving(document.properties)
    )


def _receiving(properties: ReceivingProperties) -> dict[str, Any]:
    return {
        "default_message_time_to_live": _time_to_live(properties.default_message_time_to_live),
        "lock_duration": properties.lock_duration,
        "max_delivery_count": properties.max_delivery_count,
        "requires_session": properties.requires_session,
        "dead_lettering_on_message_expiration": properties.dead_lettering_on_message_expiration,
    }


def _window(properties: EntityProperties) -> timedelta | None:
    is_wanted = properties.requires_duplicate_detection
    return properties.duplicate_detection_history_time_window if is_wanted else None


def _time_to_live(duration: timedelta | None) -> timedelta | None:
    return None if duration is None or duration >= NEVER else duration


def _rule(document: RuleDocument) -> RuleDescription:
    action = document.properties.action.sql_expression
    return RuleDescription(
        document.name, _filter(document.properties), action if action.strip() else None
    )


def _filter(properties: RuleProperties) -> Filter:
    if properties.sql_filter is not None:
        return SqlFilter(properties.sql_filter.sql_expression)
    assert properties.correlation_filter is not None
    return _correlation(properties.correlation_filter)


def _correlation(document: CorrelationFilterDocument) -> CorrelationFilter:
    return CorrelationFilter(
        correlation_id=document.correlation_id,
        message_id=document.message_id,
        to=document.to,
        reply_to=document.reply_to,
        subject=document.label,
        session_id=document.session_id,
        reply_to_session_id=document.reply_to_session_id,
        content_type=document.content_type,
        properties=document.properties,
    )
