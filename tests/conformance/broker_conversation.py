"""What the SDK says to a broker in one of everything that it can ask for."""

from datetime import UTC, datetime, timedelta
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage

from tests.shared.messaging.amqp.sdk import QUEUE, SESSIONS, SUBSCRIPTION, TOPIC

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
RULE = {
    "rule-name": "few",
    "rule-description": {"sql-filter": {"expression": "a = 1 AND b LIKE 'x%'"}},
}
CORRELATION = {"correlation-filter": {"correlation-id": "c", "properties": {"a": "b"}}}
PAGE = {"skip": 0, "top": 100}
SESSION = "one"


def converse(connection: str) -> None:
    with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
        send(client)
        settle(client)
        use_session(client)
        use_rules(client)


def send(client: ServiceBusClient) -> None:
    with client.get_queue_sender(QUEUE, keep_alive=None) as sender:
        sender.send_messages(ServiceBusMessage("alone", application_properties={"a": 1}))
        sender.send_messages([ServiceBusMessage(f"together {number}") for number in range(6)])
        [number] = sender.schedule_messages(
            ServiceBusMessage("later", time_to_live=timedelta(days=1)), FUTURE
        )
        sender.cancel_scheduled_messages(number)


def settle(client: ServiceBusClient) -> None:
    with client.get_queue_receiver(QUEUE, keep_alive=None) as receiver:
        received = receiver.receive_messages(7, max_wait_time=5)
        ways = (
            receiver.complete_message,
            receiver.abandon_message,
            receiver.dead_letter_message,
            receiver.defer_message,
        )
        receiver.renew_message_lock(received[0])
        for way, message in zip(ways, received, strict=False):
            way(message)
        numbers = [message.sequence_number or 0 for message in received]
        [deferred] = receiver.receive_deferred_messages(numbers[3])
        receiver.complete_message(deferred)
        receiver.peek_messages(9, sequence_number=1)


def use_session(client: ServiceBusClient) -> None:
    with client.get_queue_sender(SESSIONS, keep_alive=None) as sender:
        sender.send_messages(ServiceBusMessage("in order", session_id=SESSION))
    with client.get_queue_receiver(SESSIONS, session_id=SESSION, keep_alive=None) as receiver:
        [message] = receiver.receive_messages(1, max_wait_time=5)
        receiver.session.set_state(b"state")
        receiver.session.get_state()
        receiver.session.renew_lock()
        ask(receiver, "get-message-sessions", {**PAGE, "last-updated-time": FUTURE})
        receiver.complete_message(message)


def use_rules(client: ServiceBusClient) -> None:
    with client.get_topic_sender(TOPIC, keep_alive=None) as sender:
        sender.send_messages(ServiceBusMessage("fact", correlation_id="c"))
    with client.get_subscription_receiver(TOPIC, SUBSCRIPTION, keep_alive=None) as receiver:
        ask(receiver, "add-rule", RULE)
        ask(receiver, "add-rule", {"rule-name": "some", "rule-description": CORRELATION})
        ask(receiver, "enumerate-rules", PAGE)
        for name in ("few", "some"):
            ask(receiver, "remove-rule", {"rule-name": name})


def ask(receiver: Any, operation: str, arguments: dict[str, Any]) -> None:
    """The Python SDK has no calls of its own for these."""
    receiver._mgmt_request_response_with_retry(
        f"com.microsoft:{operation}".encode(), arguments, lambda status, *_, **__: status
    )
