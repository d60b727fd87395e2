from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage

from shared.scheduler.actions.not_sent import NotSent, NotSentError
from shared.scheduler.actions.service_bus_message import service_bus_message
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from shared.wire.queue_action import ServiceBusQueueMessage
from tests.clocks import START
from tests.shared.scheduler.actions.calling import attempt

MILLISECOND = timedelta(milliseconds=1)


def made(properties: JsonObject | None = None, **members: str) -> ServiceBusMessage:
    document: JsonObject = {"queueName": "q1", "namespace": "n1", **members}
    if properties is not None:
        document["brokeredMessageProperties"] = properties
    message = read(ServiceBusQueueMessage, document)
    return service_bus_message(attempt("http://h/"), message, now=START)


def expiry(message: ServiceBusMessage) -> timedelta:
    """How long the two instants of a message leave it."""
    properties = message.raw_amqp_message.properties
    assert properties is not None
    assert properties.creation_time is not None
    assert properties.absolute_expiry_time is not None
    return (properties.absolute_expiry_time - properties.creation_time) * MILLISECOND


def test_the_text_is_the_body_and_the_execution_the_id() -> None:
    message = made(message="größer")

    assert b"".join(message.body) == "größer".encode()
    assert message.message_id == "e1b0c442"
    assert message.application_properties == {}
    assert message.time_to_live is None
    assert message.scheduled_enqueue_time_utc is None


def test_every_brokered_property_is_the_messages() -> None:
    message = made(
        {
            "contentType": "text/x",
            "correlationId": "c1",
            "forcePersistence": True,
            "label": "l1",
            "messageId": "m1",
            "partitionKey": "s1",
            "replyTo": "r1",
            "replyToSessionId": "rs1",
            "scheduledEnqueueTimeUtc": "2026-03-01T06:00:00.1234567Z",
            "sessionId": "s1",
            "timeToLive": "00:01:00",
            "to": "t1",
            "viaPartitionKey": "v1",
        }
    )

    assert (message.content_type, message.correlation_id) == ("text/x", "c1")
    assert (message.subject, message.message_id, message.to) == ("l1", "m1", "t1")
    assert (message.reply_to, message.reply_to_session_id) == ("r1", "rs1")
    assert (message.session_id, message.time_to_live) == ("s1", timedelta(minutes=1))
    raw = message.raw_amqp_message
    assert raw.header is not None
    assert raw.header.durable is True
    assert raw.annotations == {
        b"x-opt-partition-key": "s1",
        b"x-opt-scheduled-enqueue-time": datetime(2026, 3, 1, 6, 0, 0, 123_456, UTC),
        b"x-opt-via-partition-key": "v1",
    }


def test_the_custom_properties_are_the_messages_as_they_are_written() -> None:
    document: JsonObject = {"Key": "1", "key": "ü"}
    own = read(
        ServiceBusQueueMessage,
        {"queueName": "q1", "namespace": "n1", "customMessageProperties": document},
    )

    message = service_bus_message(attempt("http://h/"), own, now=START)

    assert message.application_properties == document


@pytest.mark.parametrize(
    ("time_to_live", "lives"),
    [
        ("00:01:00", timedelta(minutes=1)),
        ("PT0.4S", timedelta(seconds=1)),
        ("00:00:01.5000000", timedelta(seconds=2)),
        ("2026-01-01T12:30:00Z", timedelta(minutes=30)),
        ("49.17:02:47", timedelta(days=49, hours=17, minutes=2, seconds=47)),
    ],
)
def test_a_message_lives_as_long_as_it_says_or_until_it_says(
    time_to_live: str, lives: timedelta
) -> None:
    assert made({"timeToLive": time_to_live}).time_to_live == lives


@pytest.mark.parametrize(
    ("time_to_live", "lives"),
    [
        ("49.17:02:48", timedelta(days=49, hours=17, minutes=2, seconds=48)),
        ("365.00:00:00", timedelta(days=365)),
        ("99999999.00:00:00", datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC) - START),
    ],
)
def test_a_life_beyond_what_the_header_holds_is_in_the_properties(
    time_to_live: str, lives: timedelta
) -> None:
    message = made({"timeToLive": time_to_live})

    assert message.time_to_live is None
    assert expiry(message) == lives


@pytest.mark.parametrize(
    ("properties", "detail"),
    [
        ({"timeToLive": "2026-01-01T12:00:00Z"}, "its timeToLive is over"),
        ({"timeToLive": "00:00:00"}, "its timeToLive is over"),
        ({"messageId": "m" * 129}, "message_id cannot be longer than 128 characters."),
        ({"sessionId": "s" * 129}, "session_id cannot be longer than 128 characters."),
        (
            {"sessionId": "s1", "partitionKey": "p1"},
            "partition_key:p1 cannot be set to a different value than session_id:s1",
        ),
    ],
)
def test_p10_what_no_message_can_have_is_told(properties: JsonObject, detail: str) -> None:
    with pytest.raises(NotSentError) as caught:
        made(properties)

    assert (caught.value.kind, caught.value.detail) == (NotSent.NOT_SENDABLE, detail)
