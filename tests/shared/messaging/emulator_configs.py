"""Files of the form of the emulator's Config.json, and what is told of those that are no good."""

import json
from typing import Any

import pytest

from shared.errors import InvalidRequestError
from shared.messaging.emulator_config import read_config
from shared.messaging.entities import NamespaceDescription

Document = dict[str, Any]
NAMESPACE = "$.UserConfig.Namespaces[0]"
ENTITY = {
    "DefaultMessageTimeToLive": "PT1H",
    "DuplicateDetectionHistoryTimeWindow": "PT20S",
    "RequiresDuplicateDetection": False,
}
RECEIVING = {
    "DeadLetteringOnMessageExpiration": False,
    "DefaultMessageTimeToLive": "PT1H",
    "LockDuration": "PT1M",
    "MaxDeliveryCount": 3,
    "ForwardDeadLetteredMessagesTo": "",
    "ForwardTo": "",
    "RequiresSession": False,
}


def config(*, queues: Any = (), topics: Any = (), name: str = "sbemulatorns") -> str:
    namespace = {"Name": name, "Queues": queues, "Topics": topics}
    return json.dumps({"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "File"}}})


def queue(name: str = "q", **properties: Any) -> Document:
    return {"Name": name, "Properties": properties}


def topic(*rules: Document, subscription: str = "s", **properties: Any) -> Document:
    one = {"Name": subscription, "Properties": properties, "Rules": list(rules)}
    return {"Name": "t", "Properties": {}, "Subscriptions": [one]}


def rule(name: str = "r", **properties: Any) -> Document:
    return {"Name": name, "Properties": properties}


def correlation(**members: Any) -> Document:
    return rule(FilterType="Correlation", CorrelationFilter=members)


def sql(expression: str, **members: Any) -> Document:
    return rule(FilterType="Sql", SqlFilter={"SqlExpression": expression}, **members)


def default_config(action: Document | None = None) -> str:
    """Return what the emulator's installer comes with; the fourth subscription came later, with an action."""
    by_member = {
        **{"ContentType": "application/text", "CorrelationId": "id1", "Label": "subject1"},
        **{"MessageId": "msgid1", "ReplyTo": "someQueue", "ReplyToSessionId": "sessionId"},
        **{"SessionId": "session1", "To": "xyz"},
    }
    by_sql = sql("sys.MessageId = '123456' AND userProp1 = 'value1'")
    if action is not None:
        by_sql["Properties"]["Action"] = action
    filters = [
        [correlation(**by_member)],
        [correlation(Properties={"prop3": "value3"})],
        None,
        [by_sql],
    ]
    subscriptions: list[Document] = [
        {"Name": f"subscription.{number}", "Properties": RECEIVING, "Rules": rules}
        for number, rules in enumerate(filters, 1)
    ]
    del subscriptions[2]["Rules"]
    return config(
        queues=[queue("queue.1", **ENTITY | RECEIVING)],
        topics=[{"Name": "topic.1", "Properties": ENTITY, "Subscriptions": subscriptions}],
    )


def described(text: str) -> NamespaceDescription:
    (namespace,) = read_config(text)
    return namespace


def faults(text: str) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as raised:
        read_config(text)
    return {one.path: one.message for one in raised.value.faults}
