"""The unmodified SDK, synchronous and asynchronous, through what it can do with queues and topics (facts §1)."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import (
    MessageNotFoundError,
    MessageSizeExceededError,
    ServiceBusAuthenticationError,
)

from shared.clock import NO_TIME, SystemClock
from shared.messaging.amqp.nodes.sas import Keys
from shared.messaging.amqp.nodes.service import BrokerService
from tests.shared.messaging.amqp.nodes.test_sas import token
from tests.shared.messaging.amqp.peer import Peer
from tests.shared.messaging.amqp.sdk import (
    LOCK,
    QUEUE,
    SESSIONS,
    SUBSCRIPTION,
    TOPIC,
    Sdk,
    active,
    messages,
    texts,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_sent_one_by_one_listed_or_batched_is_received_in_order_and_completed(
    sdk: Sdk,
) -> None:
    sender, receiver = await sdk.sender(), await sdk.receiver()
    batch = await sdk.call(sender.create_message_batch)
    for message in messages("d", "e"):
        batch.add_message(message)

    await sdk.call(sender.send_messages, ServiceBusMessage("a"))
    await sdk.call(sender.send_messages, messages("b", "c"))
    await sdk.call(sender.send_messages, batch)
    received = await sdk.receive(5)
    for message in received:
        await sdk.call(receiver.complete_message, message)

    assert texts(received) == ["a", "b", "c", "d", "e"]
    assert await active(sdk.served) == 0


async def test_what_a_sender_said_of_a_message_arrives_as_it_was(sdk: Sdk) -> None:
    sent = ServiceBusMessage(
        b"\x00body",
        application_properties={"text": "ü", "number": 7, "truth": True, "id": UUID(int=1)},
        message_id="m1",
        correlation_id="c1",
        subject="s",
        content_type="application/x",
        to="there",
        reply_to="here",
        time_to_live=timedelta(minutes=1),
    )

    await sdk.send(sent)
    [received] = await sdk.receive()

    assert b"".join(received.body) == b"\x00body"
    assert received.application_properties == {
        b"text": "ü".encode(),
        b"number": 7,
        b"truth": True,
        b"id": UUID(int=1),
    }
    names = ("message_id", "correlation_id", "subject", "content_type", "to", "reply_to")
    assert [getattr(received, name) for name in names] == [getattr(sent, name) for name in names]
    assert received.time_to_live == timedelta(minutes=1)
    assert received.enqueued_time_utc <= sdk.clock.now() < received.locked_until_utc
    assert (received.delivery_count, received.state) == (0, ServiceBusMessageState.ACTIVE)


async def test_request_that_is_too_large_fails_alone(sdk: Sdk) -> None:
    receiver = await sdk.receiver(SESSIONS, session_id="s")

    for size in (262_000, 2_000_000):
        with pytest.raises(MessageSizeExceededError, match="message-size-exceeded"):
            await sdk.call(receiver.session.set_state, bytes(size))
    await sdk.call(receiver.session.set_state, b"small")

    assert await sdk.call(receiver.session.get_state) == b"small"


async def test_wrong_key_and_token_for_another_entity_are_refused_before_anything_is_attached(
    sdk: Sdk,
) -> None:
    # Without retries: the SDK tries again after any refusal of a token, here as in Azure.
    good = sdk.served.connection_string
    other = token("sb://127.0.0.1/other", key="key of one", expiry="9999999999")
    signature = f"{good.split(';')[0]};SharedAccessSignature={other};UseDevelopmentEmulator=true"
    handlers = []
    for refused in (good.replace("SharedAccessKey=", "SharedAccessKey=x"), signature):
        client = type(sdk.client).from_connection_string(refused, retry_total=0)
        handlers += [client.get_queue_sender(QUEUE), client.get_queue_receiver(QUEUE)]
        handlers += [client.get_queue_receiver(SESSIONS, session_id="s")]

    results = await asyncio.gather(*map(sdk.opened, handlers), return_exceptions=True)

    assert [type(result) for result in results] == [ServiceBusAuthenticationError] * 6


async def test_message_with_delivery_annotations_arrives_with_them(sdk: Sdk) -> None:
    # The SDK encodes these after the body.
    await sdk.send(AmqpAnnotatedMessage(data_body=b"x", delivery_annotations={"a": 1}))
    [received] = await sdk.receive()

    assert b"".join(received.body) == b"x"
    assert received.raw_amqp_message.delivery_annotations == {b"a": 1}


async def test_message_of_many_frames_comes_and_goes(sdk: Sdk) -> None:
    body = bytes(range(256)) * 900

    await sdk.send(ServiceBusMessage(body))
    [received] = await sdk.receive()

    assert b"".join(received.body) == body


async def test_abandoned_message_comes_again_with_a_higher_count(sdk: Sdk) -> None:
    receiver = await sdk.receiver()
    await sdk.send(*messages("a"))

    [first] = await sdk.receive()
    await sdk.call(receiver.abandon_message, first)
    [second] = await sdk.receive()

    assert (str(second), second.delivery_count) == ("a", 1)
    assert second.lock_token != first.lock_token


async def test_deferred_message_comes_by_its_number_only_and_is_settled_there(sdk: Sdk) -> None:
    receiver = await sdk.receiver()
    await sdk.send(*messages("a", "b"))
    [first] = await sdk.receive()

    await sdk.call(receiver.defer_message, first)
    [other] = await sdk.receive()
    [deferred] = await sdk.call(receiver.receive_deferred_messages, first.sequence_number)
    await sdk.call(receiver.renew_message_lock, deferred)
    await sdk.call(receiver.complete_message, deferred)

    assert (str(other), str(deferred)) == ("b", "a")
    assert deferred.state == ServiceBusMessageState.DEFERRED
    with pytest.raises(MessageNotFoundError):
        await sdk.call(receiver.receive_deferred_messages, first.sequence_number)


async def test_deferred_message_can_be_dead_lettered_and_abandoned_by_its_number(sdk: Sdk) -> None:
    receiver = await sdk.receiver()
    await sdk.send(*messages("a"))
    [first] = await sdk.receive()
    await sdk.call(receiver.defer_message, first)

    [again] = await sdk.call(receiver.receive_deferred_messages, first.sequence_number)
    await sdk.call(receiver.abandon_message, again)
    [again] = await sdk.call(receiver.receive_deferred_messages, first.sequence_number)
    await sdk.call(receiver.dead_letter_message, again, reason="bad")

    letters = await sdk.receive(sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    assert [letter.dead_letter_reason for letter in letters] == ["bad"]


async def test_dead_letter_says_why_and_where_from(sdk: Sdk) -> None:
    receiver = await sdk.receiver()
    await sdk.send(*messages("a", "b"))
    [first, second] = await sdk.receive(2)

    await sdk.call(receiver.dead_letter_message, first, reason="worn", error_description="too old")
    await sdk.call(receiver.dead_letter_message, second)
    [told, bare] = await sdk.receive(2, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    assert (told.dead_letter_reason, told.dead_letter_error_description) == ("worn", "too old")
    assert told.dead_letter_source == QUEUE
    assert (bare.dead_letter_reason, bare.dead_letter_error_description) == (None, None)
    letters = await sdk.receiver(sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    await sdk.call(letters.complete_message, told)
    await sdk.call(letters.complete_message, bare)


async def test_received_and_deleted_message_is_gone(sdk: Sdk) -> None:
    await sdk.send(*messages("a", "b"))

    received = await sdk.receive(2, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)

    assert texts(received) == ["a", "b"]
    assert await active(sdk.served) == 0


async def test_lock_is_renewed(sdk: Sdk) -> None:
    receiver = await sdk.receiver()
    await sdk.send(*messages("a"))
    [message] = await sdk.receive()

    await sdk.clock.advance(LOCK * 0.8)
    until = await sdk.call(receiver.renew_message_lock, message)
    await sdk.clock.advance(LOCK * 0.8)
    await sdk.call(receiver.complete_message, message)

    assert abs(until - sdk.clock.now() - LOCK * 0.2) < timedelta(milliseconds=1)


async def test_peek_shows_messages_of_every_state_and_takes_none(sdk: Sdk) -> None:
    receiver = await sdk.receiver()
    await sdk.send(*messages("deferred", "locked", "active"))
    [deferred, locked] = await sdk.receive(2)
    await sdk.call(receiver.defer_message, deferred)

    peeked = await sdk.call(receiver.peek_messages, 10, sequence_number=deferred.sequence_number)
    one = await sdk.call(receiver.peek_messages, 1, sequence_number=locked.sequence_number)
    none = await sdk.call(receiver.peek_messages, sequence_number=10**9)

    assert [(str(message), message.state.name) for message in peeked] == [
        ("deferred", "DEFERRED"),
        ("locked", "ACTIVE"),
        ("active", "ACTIVE"),
    ]
    assert texts(one) == ["locked"]
    assert none == []
    await sdk.call(receiver.receive_deferred_messages, deferred.sequence_number)


async def test_scheduled_messages_come_when_they_are_due_unless_they_are_cancelled(
    sdk: Sdk,
) -> None:
    sender = await sdk.sender()
    due = sdk.clock.now() + timedelta(minutes=1)

    first, second = await sdk.call(sender.schedule_messages, messages("a", "b"), due)
    await sdk.call(sender.cancel_scheduled_messages, second)
    assert await active(sdk.served) == 0
    await sdk.clock.advance(timedelta(minutes=1))
    [received] = await sdk.receive()

    assert str(received) == "a"
    assert received.sequence_number > first
    assert await active(sdk.served) == 1
    with pytest.raises(MessageNotFoundError):
        await sdk.call(sender.cancel_scheduled_messages, [second])


async def test_subscription_gets_what_is_sent_to_its_topic(sdk: Sdk) -> None:
    sender = await sdk.opened(sdk.client.get_topic_sender(TOPIC.upper(), keep_alive=None))
    receiver = await sdk.opened(
        sdk.client.get_subscription_receiver(TOPIC, SUBSCRIPTION, prefetch_count=1, keep_alive=None)
    )

    await sdk.call(sender.send_messages, messages("a"))
    [received] = await sdk.call(receiver.receive_messages)
    await sdk.call(receiver.complete_message, received)

    assert str(received) == "a"
    assert await active(sdk.served, f"{TOPIC}/Subscriptions/{SUBSCRIPTION}") == 0


async def test_receiver_that_closes_gives_back_what_it_has_prefetched(sdk: Sdk) -> None:
    receiver = sdk.client.get_queue_receiver(QUEUE, prefetch_count=10, keep_alive=None)
    await sdk.opened(receiver)
    await sdk.send(*messages("a", "b", "c"))
    received = await sdk.call(receiver.receive_messages, 1)

    await sdk.call(receiver.close)
    others = await sdk.receive(2)

    assert texts(received + others) == ["a", "b", "c"]
    assert [message.delivery_count for message in others] == [0, 0]


async def test_namespaces_with_queues_of_one_name_see_nothing_of_each_other(sdk: Sdk) -> None:
    theirs = sdk.served.connection_string_of("two")
    other = await sdk.opened(type(sdk.client).from_connection_string(theirs))
    sender = await sdk.opened(other.get_queue_sender(QUEUE, keep_alive=None))

    await sdk.call(sender.send_messages, messages("theirs"))
    await sdk.send(*messages("ours"))

    assert texts(await sdk.receive()) == ["ours"]
    assert await active(sdk.served) == 1
    assert len(await sdk.served.cores["two"].take(QUEUE, max_messages=9, max_wait=NO_TIME)) == 1


async def test_links_take_messages_of_the_size_that_is_set() -> None:
    service = BrokerService({}, Keys({}), clock=SystemClock(), max_message_size=1_000_000)
    peer = await Peer.begun(await service.start("127.0.0.1", 0))

    answer = await peer.attach_sender("$cbs")

    assert answer.max_message_size == 1_000_000
    await peer.close()
    await service.close()
