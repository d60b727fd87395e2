"""What a job does: an HTTP call or a message, how often it is tried again, and what is done when all tries failed."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.wire.conditional_members import Handler, fault, given, missing, with_faults
from shared.wire.http_action import HttpRequest
from shared.wire.model import WireModel
from shared.wire.queue_action import (
    ServiceBusQueueMessage,
    ServiceBusTopicMessage,
    StorageQueueMessage,
)
from shared.wire.retry_policy import RetryPolicy
from shared.wire.words import word_reader


class ActionType(StrEnum):
    """Type and URI scheme are not cross-checked: the recorded service did not."""

    HTTP = "http"
    HTTPS = "https"
    STORAGE_QUEUE = "storageQueue"
    SERVICE_BUS_QUEUE = "serviceBusQueue"
    SERVICE_BUS_TOPIC = "serviceBusTopic"


PAYLOADS = {
    ActionType.HTTP: "request",
    ActionType.HTTPS: "request",
    ActionType.STORAGE_QUEUE: "queueMessage",
    ActionType.SERVICE_BUS_QUEUE: "serviceBusQueueMessage",
    ActionType.SERVICE_BUS_TOPIC: "serviceBusTopicMessage",
}
ALL_PAYLOADS = frozenset(PAYLOADS.values())
read_type = word_reader(ActionType)


def payload_of(type_word: object) -> str | None:
    """Return the member that an action of the type has; None where there is no such type."""
    try:
        return PAYLOADS[read_type(type_word)]
    except PydanticCustomError:
        return None


class ActionMembers(WireModel):
    """What every action has: the one payload of its type."""

    request: HttpRequest | None = None
    queue_message: StorageQueueMessage | None = None
    service_bus_queue_message: ServiceBusQueueMessage | None = None
    service_bus_topic_message: ServiceBusTopicMessage | None = None
    type: Annotated[ActionType, BeforeValidator(read_type)]

    @model_validator(mode="wrap")
    @classmethod
    def _check_payload(cls, value: object, handler: Handler[Self]) -> Self:
        return with_faults(cls, value, handler, payload_faults(cls, value))


def payload_faults(model: type[ActionMembers], value: object) -> list[InitErrorDetails]:
    named = payload_of(value.get("type")) if isinstance(value, dict) else None
    if named is None:
        return []
    found = ALL_PAYLOADS & given(model, value)
    foreign = [
        fault("foreign", f"does not belong to this type; {named} does", (one,))
        for one in sorted(found - {named})
    ]
    return foreign if named in found else [*missing(model, value, (named,)), *foreign]


def _forget(_: RetryPolicy | None) -> None:
    return None


class ErrorAction(ActionMembers):
    """What is done when the action has used up its retries.

    The action's retry policy serves it too; one of its own, which the model of ARM offers, is read and dropped.
    """

    retry_policy: Annotated[RetryPolicy | None, AfterValidator(_forget)] = None


class JobAction(ActionMembers):
    retry_policy: RetryPolicy | None = None
    error_action: ErrorAction | None = None
