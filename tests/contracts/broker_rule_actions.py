"""What every broker does: rules with actions make copies of their own, changed by them."""

from dataclasses import replace
from datetime import timedelta

from shared.messaging.broker import Broker
from shared.messaging.message import Message
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    ACTED,
    BY_CUSTOMER,
    MARKED,
    bodies,
    nothing,
    one,
    soon,
    take,
)

LETTER = Message(
    body=b"a",
    message_id="m",
    correlation_id="c",
    subject="letter",
    to="somebody",
    content_type="text/plain",
    application_properties={"size": 11, "colour": "red"},
)
GROWN = replace(
    LETTER,
    application_properties={"size": 12, "colour": "red", "class": "large", "RuleName": "grow"},
)
SENT_ON = replace(
    LETTER,
    subject=None,
    to="Entity",
    application_properties={"colour": "red", "RuleName": "letter"},
)


def in_order(messages: list[Message]) -> list[Message]:
    """Brokers are free to choose which of a message's copies comes first."""
    return sorted(messages, key=repr)


class RuleActions:
    async def test_each_matching_rule_with_an_action_makes_a_copy_and_all_others_one(
        self, broker: Broker
    ) -> None:
        receiver = broker.receiver(MARKED)

        await broker.send(ACTED, [LETTER])

        found = [received.message for received in await take(receiver, 3)]
        assert in_order(found) == in_order([LETTER, GROWN, SENT_ON])
        assert await nothing(receiver)

    async def test_action_of_a_rule_that_does_not_match_does_nothing(self, broker: Broker) -> None:
        message = Message(body=b"a", message_id="m", application_properties={"size": 10})
        receiver = broker.receiver(MARKED)

        await broker.send(ACTED, [message])

        assert (await one(receiver)).message == message
        assert await nothing(receiver)

    async def test_scheduled_message_is_changed_when_due(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=1)
        await broker.send(ACTED, [replace(LETTER, scheduled_enqueue_time=due)])

        await clock.advance(timedelta(minutes=1))

        found = [received.message for received in await take(broker.receiver(MARKED), 3)]
        assert in_order([replace(one, scheduled_enqueue_time=None) for one in found]) == in_order(
            [LETTER, GROWN, SENT_ON]
        )

    async def test_action_decides_on_the_session(self, broker: Broker) -> None:
        for body, customer in ((b"a", "x"), (b"b", "y"), (b"c", "x")):
            message = Message(body=body, application_properties={"customer": customer})
            await broker.send(ACTED, [message])
        await broker.send(ACTED, [Message(body=b"lost", session_id="x")])

        session = await soon(
            broker.accept_session(BY_CUSTOMER, session_id="x", max_wait=timedelta(0))
        )

        found = await take(session, 2)
        assert bodies(found) == ["a", "c"]
        assert {received.message.session_id for received in found} == {"x"}
        letter = await one(broker.receiver(f"{BY_CUSTOMER}/$DeadLetterQueue"))
        assert letter.message.body == b"lost"
