"""What Python and Node clients tell each other over `tocsin broker`, and what Node does there through many calls."""

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage

from shared.clock import SystemClock
from tests.conformance.clients.driver import ClientError, Driver
from tests.conformance.clients.languages import SEARCH_PATH, node_command
from tests.conformance.service_bus_clients import (
    Node,
    field,
    new_names,
    node_client,
    peeked,
    python_receives,
    python_sends,
    received,
    running_entities,
)
from tests.shared.cli.broker_process import RunningBroker

PROPERTIES = {
    "text": "größer",
    "whole": 7,
    "negative": -7,
    "double": 0.5,
    "large": 2**40,
    "yes": True,
}
BYTES = {"$bytes": base64.b64encode(bytes(range(256))).decode()}
EntityOf = Callable[[str], str]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningBroker]:
    async with running_entities(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def connection(broker: RunningBroker) -> str:
    (connection,) = broker.connection.values()
    return connection


@pytest.fixture(scope="module")
def node(connection: str) -> Iterator[Node]:
    with Driver(node_command("service_bus_driver.js"), {"PATH": SEARCH_PATH}) as driver:
        yield node_client(driver, connection)


@pytest.fixture(scope="module")
def name_of() -> EntityOf:
    return new_names()


@pytest.fixture
def queue(name_of: EntityOf) -> str:
    return name_of("queue")


@pytest.fixture
def sessions(name_of: EntityOf) -> str:
    return name_of("sessions")


@pytest.fixture
def topic(name_of: EntityOf) -> str:
    return name_of("topic")


def test_a_batch_arrives_in_its_order(node: Node, queue: str) -> None:
    sender = node.opened("createSender", queue)
    batch = sender.call("createMessageBatch")
    bodies = [f"body {number}" for number in range(20)]
    added = [
        node.of(batch).call("tryAddMessage", {"body": body, "applicationProperties": PROPERTIES})
        for body in bodies
    ]
    sender.call("sendMessages", batch)

    arrived = received(node.receiver(queue, receiveMode="receiveAndDelete"), 20)

    assert all(added)
    assert field(arrived) == bodies
    assert all(message["applicationProperties"] == PROPERTIES for message in arrived)
    assert arrived[0]["applicationProperties"]["yes"] is True
    numbers = [int(message["sequenceNumber"]["$long"]) for message in arrived]
    assert numbers == sorted(set(numbers))


def test_a_deferred_message_can_be_dead_lettered_and_abandoned(node: Node, queue: str) -> None:
    node.send(queue, {"body": "later"})
    receiver = node.receiver(queue)
    (message,) = received(receiver)
    receiver.call("deferMessage", message)

    def again() -> dict[str, object]:
        (deferred,) = receiver.call("receiveDeferredMessages", message["sequenceNumber"])
        return dict(deferred)

    receiver.call("abandonMessage", again())
    receiver.call("deadLetterMessage", again(), {"deadLetterReason": "stale"})

    (dead,) = peeked(node.receiver(queue, subQueueType="deadLetter"))
    assert (dead["deadLetterReason"], dead["body"]) == ("stale", "later")


def test_peeking_goes_on_from_a_number_and_locks_nothing(node: Node, queue: str) -> None:
    node.send(queue, *({"body": number} for number in range(5)))
    receiver = node.receiver(queue)

    first, following = receiver.call("peekMessages", 2), receiver.call("peekMessages", 2)
    from_the_first = {"fromSequenceNumber": first[1]["sequenceNumber"]}
    again = receiver.call("peekMessages", 10, from_the_first)
    arrived = received(receiver, 5)

    assert [field(first), field(following), field(again)] == [[0, 1], [2, 3], [1, 2, 3, 4]]
    assert field(arrived) == [0, 1, 2, 3, 4]


def test_a_lock_is_renewed_and_lost_when_it_is_not(node: Node, name_of: EntityOf) -> None:
    queue = name_of("short")
    node.send(queue, {"body": "one"})
    # It renews by itself what it has received, unless told not to.
    options = {"maxAutoLockRenewalDurationInMs": 0}
    first, second = node.receiver(queue, **options), node.receiver(queue, **options)

    (message,) = received(first)
    renewed = first.call("renewMessageLock", message)
    (again,) = received(second)
    with pytest.raises(ClientError) as lost:
        first.call("completeMessage", message)
    with pytest.raises(ClientError) as late:
        first.call("renewMessageLock", message)
    second.call("completeMessage", again)

    assert renewed["$date"] > message["lockedUntilUtc"]["$date"]
    assert again["deliveryCount"] == 1
    assert lost.value.code == late.value.code == "MessageLockLost"


def test_a_subscription_is_given_what_comes(node: Node, queue: str) -> None:
    node.send(queue, {"body": 0}, {"body": 1})
    receiver = node.receiver(queue)

    running = node.of(receiver.call("subscribe", {"maxConcurrentCalls": 2}))
    early = running.call("first", 2)
    node.send(queue, {"body": 2})
    arrived = running.call("first", 3)
    running.call("close")

    assert field(early) == [0, 1]
    assert field(arrived) == [0, 1, 2]
    assert peeked(receiver) == []


def test_a_session_has_its_messages_in_order_its_lock_and_its_state(
    node: Node, sessions: str
) -> None:
    messages = [{"body": n, "sessionId": "ab"[n % 2]} for n in range(6)]
    node.send(sessions, *messages)

    one = node.opened("acceptSession", sessions, "b")
    other = node.client.call("acceptNextSession", sessions)
    before = one.call("getSessionState")
    one.call("setSessionState", "half way")
    renewed = one.call("renewSessionLock")
    arrived = received(one, 3)
    for message in arrived:
        one.call("completeMessage", message)
    after = one.call("getSessionState")

    assert other["sessionId"] == "a"
    assert field(arrived) == [1, 3, 5]
    assert field(arrived, "sessionId") == ["b", "b", "b"]
    assert (before, after) == (None, "half way")
    assert datetime.fromisoformat(renewed["$date"]) > SystemClock().now()
    one.call("close")
    node.of(other).call("close")
    again = node.opened("acceptSession", sessions, "b")
    assert again.call("getSessionState") == "half way"
    again.call("setSessionState", None)
    assert again.call("getSessionState") is None
    again.call("close")


def test_rules_decide_what_a_subscription_has(node: Node, topic: str) -> None:
    rules = node.opened("createRuleManager", topic, "all")
    by_default = rules.call("listRules")
    blue = {"sqlExpression": "color = 'blue' AND size > 3"}
    urgent = {"subject": "urgent", "applicationProperties": {"shop": 7}}

    rules.call("createRule", "blue", blue)
    rules.call("createRule", "urgent", urgent)
    rules.call("deleteRule", "$Default")
    listed = {rule["name"]: rule["filter"] for rule in rules.call("listRules")}
    node.send(
        topic,
        {"body": "blue", "applicationProperties": {"color": "blue", "size": 4}},
        {"body": "small", "applicationProperties": {"color": "blue", "size": 3}},
        {"body": "urgent", "subject": "urgent", "applicationProperties": {"shop": 7}},
        {"body": "other shop", "subject": "urgent", "applicationProperties": {"shop": 8}},
    )
    receiver = node.receiver(topic, "all", receiveMode="receiveAndDelete")
    arrived = received(receiver, 2)

    assert field(by_default, "name") == ["$Default"]
    assert listed.keys() == {"blue", "urgent"}
    assert listed["blue"]["sqlExpression"] == blue["sqlExpression"]
    assert listed["urgent"]["applicationProperties"] == {"shop": 7}
    assert listed["urgent"]["subject"] == "urgent"
    assert field(arrived) == ["blue", "urgent"]
    assert peeked(receiver) == []


def test_rule_with_an_action_makes_a_changed_copy(node: Node, topic: str) -> None:
    rules = node.opened("createRuleManager", topic, "all")
    action = {"sqlExpression": "SET sys.To = 'Entity'; SET size = size + 1"}

    rules.call("createRule", "grow", {"sqlExpression": "size > 3"}, action)
    listed = {rule["name"]: rule["action"] for rule in rules.call("listRules")}
    node.send(topic, {"body": "a", "to": "me", "applicationProperties": {"size": 4}})
    receiver = node.receiver(topic, "all", receiveMode="receiveAndDelete")
    arrived = received(receiver, 2)

    assert listed == {"$Default": {}, "grow": action}
    assert sorted(field(arrived, "to")) == ["Entity", "me"]
    properties = field(arrived, "applicationProperties")
    assert {"size": 4} in properties
    assert {"size": 5, "RuleName": "grow"} in properties


@pytest.mark.parametrize(
    "body", ["text", 7, 0.5, True, None, {"a": [1, {"b": None}]}, BYTES], ids=str
)
def test_any_body_arrives_as_it_was(node: Node, queue: str, body: object) -> None:
    node.send(queue, {"body": body, "applicationProperties": PROPERTIES})

    (message,) = received(node.receiver(queue, receiveMode="receiveAndDelete"))

    assert message["body"] == body
    assert message["applicationProperties"] == PROPERTIES


def test_python_understands_node(node: Node, connection: str, queue: str) -> None:
    node.send(
        queue,
        {
            "body": BYTES,
            "messageId": "m1",
            "subject": "s",
            "correlationId": "c",
            "replyTo": "r",
            "to": "t",
            "timeToLive": 90_000,
            "applicationProperties": PROPERTIES,
        },
    )

    message = python_receives(connection, queue)

    assert b"".join(message.body) == bytes(range(256))
    assert (message.message_id, message.subject, message.correlation_id) == ("m1", "s", "c")
    assert (message.reply_to, message.to) == ("r", "t")
    assert message.time_to_live == timedelta(seconds=90)
    assert message.application_properties == {
        b"text": "größer".encode(),
        b"whole": 7,
        b"negative": -7,
        b"double": 0.5,
        b"large": 2**40,
        b"yes": True,
    }


def test_node_understands_python(node: Node, connection: str, queue: str) -> None:
    python_sends(
        connection,
        queue,
        ServiceBusMessage(
            b'{"a": 1}',
            message_id="m1",
            subject="s",
            application_properties={
                "text": "größer",
                "whole": 7,
                "double": 0.5,
                "yes": True,
            },
            time_to_live=timedelta(seconds=90),
        ),
        AmqpAnnotatedMessage(value_body={"a": [1, "two"]}),
        AmqpAnnotatedMessage(sequence_body=[["one", 2], [3]]),
    )

    message, value, sequence = received(node.receiver(queue, receiveMode="receiveAndDelete"), 3)

    assert message["body"] == {"a": 1}
    assert (message["messageId"], message["subject"]) == ("m1", "s")
    assert message["timeToLive"] == 90_000
    assert message["applicationProperties"] == {
        "text": "größer",
        "whole": 7,
        "double": 0.5,
        "yes": 1,  # so rhea reads a boolean with a byte of its own, which is what Python sends
    }
    assert value["body"] == {"a": [1, "two"]}
    assert sequence["body"] == [["one", 2], [3]]
