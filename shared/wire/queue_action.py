"""What the actions send that put a message into a storage queue, a Service Bus queue or a topic."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.wire.conditional_members import Handler, missing, with_faults
from shared.wire.model import Secret, WireModel, check_plain
from shared.wire.times import (
    Instant,
    format_instant,
    format_time_span,
    parse_duration,
    parse_instant,
)
from shared.wire.words import word_reader

# They become the first label of a host.
HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class TransportType(StrEnum):
    NOT_SPECIFIED = "notSpecified"
    NET_MESSAGING = "netMessaging"
    AMQP = "AMQP"


class ServiceBusAuthenticationType(StrEnum):
    NOT_SPECIFIED = "notSpecified"
    SHARED_ACCESS_KEY = "sharedAccessKey"


def _check_host_name(name: str) -> str:
    if HOST_NAME.fullmatch(name) is None:
        raise PydanticCustomError("name", "must be a name of letters, digits, '-' and '.'")
    return name


def _read_time_to_live(value: object) -> datetime | timedelta:
    """The classic SDK of .NET has an instant here, that of ARM a duration."""
    if isinstance(value, datetime | timedelta):
        return value
    if isinstance(value, str):
        for parse in (parse_instant, parse_duration):
            try:
                return parse(value)
            except ValueError:
                continue
    raise PydanticCustomError(
        "time_to_live", "must be a duration such as 00:01:00 or PT1M, or an ISO 8601 instant"
    )


def _format_time_to_live(value: datetime | timedelta) -> str:
    return format_instant(value) if isinstance(value, datetime) else format_time_span(value)


HostName = Annotated[str, AfterValidator(_check_host_name)]
EntityPath = Annotated[str, Field(min_length=1, max_length=260), AfterValidator(check_plain)]
TimeToLive = Annotated[
    datetime | timedelta,
    PlainValidator(_read_time_to_live, json_schema_input_type=str),
    PlainSerializer(_format_time_to_live),
]
TransportWord = Annotated[TransportType, BeforeValidator(word_reader(TransportType))]
read_type = word_reader(ServiceBusAuthenticationType)
SHARED_ACCESS_MEMBERS = ("sasKeyName", "sasKey")


class StorageQueueMessage(WireModel):
    """The token is not tried out before the job fires; it is never answered."""

    storage_account: HostName
    queue_name: EntityPath
    sas_token: Secret
    message: str | None = None


class ServiceBusAuthentication(WireModel):
    """The key is never answered."""

    sas_key_name: str | None = None
    sas_key: Secret | None = None
    type: Annotated[ServiceBusAuthenticationType, BeforeValidator(read_type)]

    @model_validator(mode="wrap")
    @classmethod
    def _check_members(cls, value: object, handler: Handler[Self]) -> Self:
        return with_faults(cls, value, handler, missing(cls, value, _required(value)))


def _required(value: object) -> tuple[str, ...]:
    try:
        named = read_type(value.get("type")) if isinstance(value, dict) else None
    except PydanticCustomError:
        return ()
    is_shared = named is ServiceBusAuthenticationType.SHARED_ACCESS_KEY
    return SHARED_ACCESS_MEMBERS if is_shared else ()


class BrokeredMessageProperties(WireModel):
    content_type: str | None = None
    correlation_id: str | None = None
    force_persistence: StrictBool | None = None
    label: str | None = None
    message_id: str | None = None
    partition_key: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    scheduled_enqueue_time_utc: Instant | None = None
    session_id: str | None = None
    time_to_live: TimeToLive | None = None
    to: str | None = None
    via_partition_key: str | None = None


class ServiceBusMembers(WireModel):
    """What messages to queues and to topics share."""

    namespace: HostName
    transport_type: TransportWord | None = None
    authentication: ServiceBusAuthentication | None = None
    message: str | None = None
    brokered_message_properties: BrokeredMessageProperties | None = None
    custom_message_properties: dict[str, str] | None = None


class Queue(WireModel):
    queue_name: EntityPath


class Topic(WireModel):
    topic_path: EntityPath


# The members of the last parent come first, and in answers the address does.
class ServiceBusQueueMessage(ServiceBusMembers, Queue):
    pass


class ServiceBusTopicMessage(ServiceBusMembers, Topic):
    pass
