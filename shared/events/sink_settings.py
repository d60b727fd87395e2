"""The wish for a sink, as callers write it: one model for each type, checked when an event subscription is made.

HTTP is checked by address when it is dialled, everything else by name here (P9): what passes leads to the endpoints of
Service Bus and AWS, or to where the operator has opened the way.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from shared.aws.names import (
    BUS_ARN,
    BUS_NAME,
    FIFO,
    TOPIC_ARN,
    is_queue_url,
    is_region,
    is_same_queue,
)
from shared.events.connection_strings import fault_of_connection_string
from shared.events.sink import Mode, SinkType
from shared.events.webhook_signature import key_of
from shared.messaging.entities import TOCSIN_QUEUES
from shared.outbound.guard import AddressGuard
from shared.wire.json_types import JsonObject
from shared.wire.model import WireModel

MAX_URL = 2048
MAX_CONNECTION_STRING = 4096
BOTH_MODES = frozenset(Mode)
STRUCTURED_ONLY = frozenset({Mode.STRUCTURED})
OWN_QUEUES = frozenset(queue.name.lower() for queue in TOCSIN_QUEUES)

# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftservicebus
ENTITY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?")
GROUP = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRules:
    """Where sinks may lead to in this process; the context with which a `SinkRequest` is read.

    `aws_endpoint` takes the place of AWS (LocalStack, moto), `commands_url` is the SQS queue that we take commands
    from: events sent there would be rejected, and each rejection is an event.
    """

    guard: AddressGuard
    aws_region: str | None = None
    aws_endpoint: str | None = None
    commands_url: str | None = None


def check_url(url: str, info: ValidationInfo[EndpointRules]) -> str:
    if fault := info.context.guard.fault_of_url(url):
        raise PydanticCustomError("url", "{fault}", {"fault": fault})
    return url


def check_secret(secret: SecretStr) -> SecretStr:
    try:
        key_of(secret.get_secret_value())
    except ValueError as error:
        raise PydanticCustomError("secret", "{fault}", {"fault": str(error)}) from None
    return secret


def check_connection_string(secret: SecretStr, info: ValidationInfo[EndpointRules]) -> SecretStr:
    fault = fault_of_connection_string(secret.get_secret_value(), guard=info.context.guard)
    if fault:
        raise PydanticCustomError("connection_string", "{fault}", {"fault": fault})
    return secret


def check_entity(name: str) -> str:
    if not ENTITY.fullmatch(name):
        raise PydanticCustomError(
            "entity",
            "must have 1 to 260 letters, digits and . _ - /, at both ends one of the first two",
        )
    if name.lower() in OWN_QUEUES:
        raise PydanticCustomError("entity", "is a queue of Tocsin's own")
    return name


def check_topic_arn(arn: str) -> str:
    if not TOPIC_ARN.fullmatch(arn):
        raise PydanticCustomError(
            "arn", "must be the ARN of a topic: arn:aws:sns:(region):(account):(name)"
        )
    return arn


def check_queue_url(url: str, info: ValidationInfo[EndpointRules]) -> str:
    rules = info.context
    if rules.commands_url is not None and is_same_queue(url, rules.commands_url):
        raise PydanticCustomError("queue_url", "is the queue that commands are taken from")
    if not is_queue_url(url, endpoint=rules.aws_endpoint):
        raise PydanticCustomError(
            "queue_url", "must be https://sqs.(region).amazonaws.com/(account)/(name)"
        )
    return url


def check_event_bus(bus: str) -> str:
    if not (BUS_ARN if bus.startswith("arn:") else BUS_NAME).fullmatch(bus):
        raise PydanticCustomError("event_bus", "must be the name of an event bus, or its ARN")
    return bus


def check_group(group: str | None, info: ValidationInfo[EndpointRules]) -> str | None:
    if group is None:
        return None
    if not GROUP.fullmatch(group):
        raise PydanticCustomError("group", "must have 1 to 128 characters of ASCII, and no spaces")
    if not info.data.get("queue_url", FIFO).endswith(FIFO):
        raise PydanticCustomError("group", "is for FIFO queues, whose names end with .fifo")
    return group


def check_region(region: str | None, info: ValidationInfo[EndpointRules]) -> str | None:
    if "event_bus" not in info.data:
        return region
    arn = BUS_ARN.fullmatch(info.data["event_bus"])
    if arn is None and region is None and info.context.aws_region is None:
        raise PydanticCustomError("region", "is required, since TOCSIN_AWS_REGION is not set")
    if region is not None and not is_region(region):
        raise PydanticCustomError("region", "must be a region such as eu-central-1")
    if arn is not None and region not in (None, arn["region"]):
        raise PydanticCustomError("region", "must be that of the event bus, or absent")
    return region


Entity = Annotated[str, AfterValidator(check_entity)]
ConnectionString = Annotated[
    SecretStr, Field(max_length=MAX_CONNECTION_STRING), AfterValidator(check_connection_string)
]


class SinkModel(WireModel):
    """What is common to all: `modes` are those in which its events can be written."""

    modes: ClassVar[frozenset[Mode]] = STRUCTURED_ONLY
    secret_members: ClassVar[frozenset[str]] = frozenset()

    def settings(self) -> JsonObject:
        """Return what may be shown and stored: what was given, without type and secrets."""
        hidden = {"type", *self.secret_members}
        return self.model_dump(mode="json", by_alias=True, exclude=hidden, exclude_none=True)


class WebhookRequest(SinkModel):
    """A webhook; without a secret one is made."""

    modes: ClassVar[frozenset[Mode]] = BOTH_MODES
    secret_members: ClassVar[frozenset[str]] = frozenset({"secret"})

    type: Literal[SinkType.WEBHOOK]
    url: Annotated[str, Field(max_length=MAX_URL), AfterValidator(check_url)]
    secret: Annotated[SecretStr, AfterValidator(check_secret)] | None = None
    validation: Literal["none", "cloudevents"] = "none"


class ServiceBusModel(SinkModel):
    """An entity of our own namespace, or of the one whose connection string is given."""

    modes: ClassVar[frozenset[Mode]] = BOTH_MODES
    secret_members: ClassVar[frozenset[str]] = frozenset({"connection_string"})

    connection_string: ConnectionString | None = None

    @property
    def secret(self) -> SecretStr | None:
        return self.connection_string


class ServiceBusQueueRequest(ServiceBusModel):
    """A queue; never one that Tocsin works with, whose messages mean something else."""

    type: Literal[SinkType.SERVICE_BUS_QUEUE]
    queue: Entity


class ServiceBusTopicRequest(ServiceBusModel):
    """A topic."""

    type: Literal[SinkType.SERVICE_BUS_TOPIC]
    topic: Entity


class AwsModel(SinkModel):
    """Something in AWS, entered with the credentials of the process."""

    @property
    def secret(self) -> SecretStr | None:
        return None


class SnsRequest(AwsModel):
    """An SNS topic."""

    type: Literal[SinkType.SNS]
    topic_arn: Annotated[str, AfterValidator(check_topic_arn)]


class SqsRequest(AwsModel):
    """An SQS queue; `message_group_id` is the one group of a FIFO queue, in place of one for each subject."""

    type: Literal[SinkType.SQS]
    queue_url: Annotated[str, Field(max_length=MAX_URL), AfterValidator(check_queue_url)]
    message_group_id: Annotated[str | None, AfterValidator(check_group)] = None


class EventBridgeRequest(AwsModel):
    """An event bus; its region is the ARN's, the one given, or the process's."""

    type: Literal[SinkType.EVENTBRIDGE]
    event_bus: Annotated[str, AfterValidator(check_event_bus)]
    region: Annotated[str | None, Field(validate_default=True), AfterValidator(check_region)] = None


class SinkName(BaseModel):
    """The one member by which the rest is read."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: SinkType


REQUESTS: Mapping[SinkType, type[SinkModel]] = {
    SinkType.WEBHOOK: WebhookRequest,
    SinkType.SERVICE_BUS_QUEUE: ServiceBusQueueRequest,
    SinkType.SERVICE_BUS_TOPIC: ServiceBusTopicRequest,
    SinkType.SNS: SnsRequest,
    SinkType.SQS: SqsRequest,
    SinkType.EVENTBRIDGE: EventBridgeRequest,
}


def read_by_type(
    value: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo[EndpointRules]
) -> SinkModel:
    """Read by the model of its type: a union of pydantic's would put the type into the path of every fault."""
    model = REQUESTS[SinkName.model_validate(value).type]
    return model.model_validate(value, by_alias=True, by_name=False, context=info.context)


SinkRequest: TypeAlias = Annotated[
    WebhookRequest
    | ServiceBusQueueRequest
    | ServiceBusTopicRequest
    | SnsRequest
    | SqsRequest
    | EventBridgeRequest,
    Field(discriminator="type"),
    WrapValidator(read_by_type),
]
"""Read with `EndpointRules` as the context. Each has `type`, `modes`, `secret` and `settings()`."""
