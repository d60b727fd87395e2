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


def described(text: str) -> NamespaceDescription:
    (namespace,) = read_config(text)
    return namespace


def faults(text: str) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as raised:
        read_config(text)
    return {one.path: one.message for one in raised.value.faults}
