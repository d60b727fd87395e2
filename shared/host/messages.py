"""From a received message to what a Service Bus function gets.

`message_argument` builds the message directly, equal to what the library decodes from the host's trigger metadata at a
tenth of the cost. Only where the body is text the metadata is made and decoded for real, because there the host
copies the body's top-level members over it: a body with "messageId" changes `message_id`, one with a "DeliveryCount"
that is no number fails before the function runs. `data_type="binary"` avoids that.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
from azure.functions.servicebus import ServiceBusMessage

from shared.host.converters import converter
from shared.host.functions import MessageForm, MessageTrigger
from shared.messaging.message import PropertyValue, ReceivedMessage

Datum = func.meta.Datum
METADATA_NAMES = {
    name.lower(): name
    for name in (
        *("MessageId", "SequenceNumber", "DeliveryCount", "EnqueuedTimeUtc", "ExpiresAtUtc"),
        *("LockToken", "CorrelationId", "ContentType", "Subject", "Label", "ReplyTo", "To"),
        *("SessionId", "ReplyToSessionId", "PartitionKey"),
        *("ApplicationProperties", "UserProperties"),
    )
}


class TriggerMetadata(Mapping[str, Any]):
    """The metadata of a message as the host sends them, made when somebody looks."""

    __slots__ = ("_received",)

    def __init__(self, received: ReceivedMessage) -> None:
        self._received = received

    def __getitem__(self, name: str) -> Any:
        return json_datum(host_metadata(self._received)[name])

    def __iter__(self) -> Iterator[str]:
        return iter(host_metadata(self._received))

    def __len__(self) -> int:
        return len(host_metadata(self._received))


def message_argument(trigger: MessageTrigger, received: Sequence[ReceivedMessage]) -> Any:
    """Return what the trigger's parameter gets for one message, or for a batch where it takes many.

    Raises:
        ValueError: the body overrides the metadata with something unusable.
    """
    if trigger.form is MessageForm.BODY:
        bodies = [body_argument(trigger, each) for each in received]
        return bodies if trigger.is_many else bodies[0]
    if trigger.is_many:
        return many_messages(received, is_binary=trigger.is_binary)
    return one_message(received[0]) if trigger.is_binary else text_message(received[0])


def body_argument(trigger: MessageTrigger, received: ReceivedMessage) -> str | bytes:
    # Without data_type the host sends text, and a parameter annotated `bytes` gets a str, as in Azure.
    body = received.message.body
    return body if trigger.is_binary else body.decode(errors="replace")


def one_message(received: ReceivedMessage) -> ServiceBusMessage:
    message = received.message
    properties = host_properties(received)
    return ServiceBusMessage(
        body=message.body,
        trigger_metadata=TriggerMetadata(received),
        application_properties=properties,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        delivery_count=received.delivery_count,
        enqueued_time_utc=received.enqueued_time,
        expires_at_utc=expiry(received),
        label=message.subject,
        lock_token=str(received.lock_token),
        message_id=cast(str, message.message_id),  # as decoded: None without one
        partition_key=message.partition_key,
        reply_to=message.reply_to,
        sequence_number=received.sequence_number,
        session_id=message.session_id,
        subject=message.subject,
        to=message.to,
        user_properties=properties,
    )


def text_message(received: ReceivedMessage) -> ServiceBusMessage:
    text = received.message.body.decode(errors="replace")
    metadata = {name: json_datum(value) for name, value in host_metadata(received).items()}
    metadata |= {name: json_datum(value) for name, value in body_metadata(text).items()}
    decoded: ServiceBusMessage = decode(Datum(text, "string"), metadata)
    return decoded


def body_metadata(text: str) -> dict[str, Any]:
    """Return the members of a JSON body that override metadata; names differ in case only."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    members: dict[str, Any] = document if isinstance(document, dict) else {}
    return {
        METADATA_NAMES.get(name.lower(), name): value
        for name, value in members.items()
        if not isinstance(value, list)
    }


def many_messages(
    received: Sequence[ReceivedMessage], *, is_binary: bool
) -> list[ServiceBusMessage]:
    rows = [host_metadata(each) for each in received]
    names = {name for row in rows for name in row}
    arrays = {f"{name}Array": json_datum(column(rows, name)) for name in names}
    messages: list[ServiceBusMessage] = decode(
        bodies_datum([each.message.body for each in received], is_binary=is_binary), arrays
    )
    return messages


def bodies_datum(bodies: list[bytes], *, is_binary: bool) -> Any:
    if is_binary:
        return Datum(SimpleNamespace(bytes=bodies), "collection_bytes")
    texts = [body.decode(errors="replace") for body in bodies]
    return Datum(SimpleNamespace(string=texts), "collection_string")


def column(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return one property of every message; the host drops missing texts, so later ones move up, as in Azure."""
    values = [row.get(name) for row in rows]
    if all(value is None or isinstance(value, str) for value in values):
        return [value for value in values if value]
    return values


def decode(data: Any, metadata: Mapping[str, Any]) -> Any:
    return converter("serviceBusTrigger").decode(data, trigger_metadata=metadata)


def host_metadata(received: ReceivedMessage) -> dict[str, Any]:
    """Return the trigger metadata of the Service Bus extension as JSON values."""
    message = received.message
    properties = host_properties(received)
    expires_at = expiry(received)
    values = {
        "MessageId": message.message_id,
        "SequenceNumber": received.sequence_number,
        "DeliveryCount": received.delivery_count,
        "EnqueuedTimeUtc": received.enqueued_time.isoformat(),
        "ExpiresAtUtc": None if expires_at is None else expires_at.isoformat(),
        "LockToken": str(received.lock_token),
        "CorrelationId": message.correlation_id,
        "ContentType": message.content_type,
        "Subject": message.subject,
        "Label": message.subject,
        "ReplyTo": message.reply_to,
        "ReplyToSessionId": message.reply_to_session_id,
        "To": message.to,
        "SessionId": message.session_id,
        "PartitionKey": message.partition_key,
        "ApplicationProperties": properties,
        "UserProperties": properties,
    }
    return {name: value for name, value in values.items() if value is not None}


def host_properties(received: ReceivedMessage) -> dict[str, Any]:
    given = received.message.application_properties
    properties = {name: property_value(value) for name, value in given.items()} if given else {}
    if received.dead_letter_reason is not None:
        properties["DeadLetterReason"] = received.dead_letter_reason
    if received.dead_letter_error_description is not None:
        properties["DeadLetterErrorDescription"] = received.dead_letter_error_description
    return properties


def property_value(value: PropertyValue) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def expiry(received: ReceivedMessage) -> datetime | None:
    time_to_live = received.message.time_to_live
    return None if time_to_live is None else received.enqueued_time + time_to_live


def json_datum(value: Any) -> Any:
    return Datum(json.dumps(value), "json")
