"""Messages as the SDK sends them, as the port has them, and as the broker keeps and delivers them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport
from azure.servicebus.amqp import AmqpAnnotatedMessage
from hypothesis import strategies as st

from shared.messaging.amqp.codec.envelopes import deliver, envelope_of
from shared.messaging.amqp.codec.sections import AmqpMessage, Header, Properties
from shared.messaging.amqp.codec.values import Timestamp
from shared.messaging.embedded.envelope import Delivery, Envelope, StoredEnvelope
from shared.messaging.message import Message, MessageState
from tests.shared.messaging.amqp.amqp_values import TEXT

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND
ID = UUID("00112233-4455-6677-8899-aabbccddeeff")


def sdk_bytes(message: ServiceBusMessage | AmqpAnnotatedMessage) -> bytes:
    """What the SDK sends."""
    if isinstance(message, ServiceBusMessage):
        message = message.raw_amqp_message
    output = bytearray()
    encode_payload(output, PyamqpTransport.to_outgoing_amqp_message(message))
    return bytes(output)


def kept(envelope: Envelope, **others: Any) -> StoredEnvelope:
    return StoredEnvelope(**arguments(envelope) | others)


def delivered(envelope: Envelope, **others: Any) -> Delivery:
    lock = {"lock_token": ID, "locked_until": NOW + 60 * SECOND, "delivery_count": 1}
    return Delivery(**arguments(envelope) | lock | others)


def arguments(envelope: Envelope) -> dict[str, Any]:
    return {
        "form": envelope.form,
        "payload": envelope.payload,
        "attributes": envelope.attributes,
        "message_id": envelope.message_id,
        "session_id": envelope.session_id,
        "sequence_number": 2**40,
        "enqueued_time": NOW,
        "expires_at": None if envelope.time_to_live is None else NOW + envelope.time_to_live,
        "due": envelope.due,
        "state": MessageState.ACTIVE,
        "delivery_count": 0,
        "dead_letter_reason": None,
        "dead_letter_error_description": None,
        "dead_letter_source": None,
    }


def received(stored: StoredEnvelope) -> ServiceBusReceivedMessage:
    return ServiceBusReceivedMessage.from_bytes(deliver(stored))


def from_sdk(message: ServiceBusMessage | AmqpAnnotatedMessage) -> Envelope:
    return envelope_of(sdk_bytes(message), now=NOW)


HUNDRED_DAYS = 100 * 24 * 3600 * 1000
LASTING = AmqpMessage(
    header=Header(ttl=2**32 - 1),
    properties=Properties(
        creation_time=Timestamp(NOW // 1000),
        absolute_expiry_time=Timestamp(NOW // 1000 + HUNDRED_DAYS),
    ),
)


PORT_MESSAGES = st.builds(
    Message,
    body=st.binary(),
    message_id=st.none() | TEXT,
    correlation_id=st.none() | TEXT,
    session_id=st.none() | TEXT,
    subject=st.none() | TEXT,
    content_type=st.none() | st.text(st.characters(max_codepoint=127)),
    reply_to=st.none() | TEXT,
    reply_to_session_id=st.none() | TEXT,
    to=st.none() | TEXT,
    partition_key=st.none() | TEXT,
    scheduled_enqueue_time=st.none()
    | st.integers(0, 2**40).map(
        lambda number: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
    ),
    application_properties=st.dictionaries(
        TEXT,
        st.none()
        | st.booleans()
        | TEXT
        | st.binary()
        | st.uuids()
        | st.floats(allow_nan=False)
        | st.integers(-(2**63), 2**63 - 1),
        max_size=4,
    ),
)
