"""The published clients of ARM behind the names of one of them: azure-mgmt-scheduler's."""

import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.clients.definitions import Definition
from tests.conformance.clients.driver import Client, model, named

KINDS = (
    "azure-mgmt-scheduler",
    "azure-mgmt-scheduler.aio",
    "azure-arm-scheduler",
    "azure-arm-scheduler WithHttpOperationResponse",
)
WITH_RESPONSE = "WithHttpOperationResponse"
MODELS = {"job": "JobDefinition", "job_collection": "JobCollectionDefinition"}
# Members whose words ARM's clients begin with a capital, and the service answers without one.
WORDS = frozenset({"type", "retryType", "frequency", "weekDays", "day", "transportType"})
# The service answers as the real one did; they look for Occurrence and certificateExpirationDate.
UNSEEN = frozenset({"occurrence", "certificateExpiration"})
ISO = {"00:01:30": "PT1M30S"}
NO_FRACTION = re.compile(r"\.000Z$")


@dataclass
class ArmClient:
    """A client of ARM; `called` are the methods that were, by their Python names."""

    client: Client
    kind: str
    called: set[str] = field(default_factory=set)

    @property
    def is_node(self) -> bool:
        return self.kind.startswith("azure-arm-scheduler")

    def call(self, method: str, *path: str, body: Any = None, **options: Any) -> Any:
        """Call with the names in the resource's path, then its body; instants come back without a fraction of zero.

        Raises:
            ClientError: the client raised.
        """
        self.called.add(method)
        group = method.partition(".")[0].removesuffix("s")
        if self.is_node:
            given = [with_durations(body)] if body is not None else [options] if options else []
        else:
            given = [model(MODELS[group], body)] if body is not None else []
            given += [named(**options)] if options else []
        return shortened(self.client.call(self.real_name(method), *path, *given))

    def real_name(self, method: str) -> str:
        """Return what the client itself calls it."""
        if not self.is_node:
            return method
        name = re.sub(r"_(\w)", lambda found: found[1].upper(), re.sub(r"\.begin_", ".", method))
        name = re.sub(r"\.delete$", ".deleteMethod", name)
        return name + WITH_RESPONSE if self.kind.endswith(WITH_RESPONSE) else name


def with_durations(value: Any) -> Any:
    """Say of what is a duration that it is one, which Node's client is particular about."""
    if not isinstance(value, dict):
        return value
    return {
        key: {"$duration": each} if key == "retryInterval" else with_durations(each)
        for key, each in value.items()
    }


def shortened(value: Any) -> Any:
    if isinstance(value, str):
        return NO_FRACTION.sub("Z", value)
    if isinstance(value, list):
        return [shortened(each) for each in value]
    return (
        {key: shortened(each) for key, each in value.items()} if value.__class__ is dict else value
    )


def sent(definition: Definition) -> dict[str, Any]:
    """Return a job as these clients are given it."""
    return {"properties": capitalized(definition.sent)}


def answered(definition: Definition) -> dict[str, Any]:
    """Return the properties of a job as these clients show them."""
    job = deepcopy(definition.answered)
    for action in (job["action"], job["action"].get("errorAction")):
        if action is not None:
            action["type"] = first_up(action["type"])
    shown: dict[str, Any] = seen(job)
    return shown


def capitalized(value: Any) -> Any:
    """Begin words with a capital, as the enumerations of these clients do, and write durations in ISO's form."""
    if isinstance(value, list):
        return [capitalized(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        "Occurrence" if key == "occurrence" else key: word(key, each) for key, each in value.items()
    }


def word(key: str, value: Any) -> Any:
    if key == "retryInterval":
        return ISO[value]
    return first_up(value) if key in WORDS else capitalized(value)


def first_up(value: Any) -> Any:
    if isinstance(value, list):
        return [first_up(each) for each in value]
    return value[:1].upper() + value[1:]


def seen(value: Any) -> Any:
    """Return what these clients can read: durations in ISO's form, and neither of what they look for by other names."""
    if isinstance(value, list):
        return [seen(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: ISO[each] if key == "retryInterval" else seen(each)
        for key, each in value.items()
        if key not in UNSEEN
    }
