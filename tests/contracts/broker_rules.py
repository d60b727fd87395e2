"""What every broker does: a topic's subscriptions get what their rules let through."""

from datetime import timedelta

from shared.messaging.broker import Broker
from shared.messaging.message import Message, PropertyValue
from tests.clocks import FakeClock
from tests.contracts.broker_steps import (
    BRIEF,
    BY_SESSION,
    LARGE,
    LIFE,
    NEVER,
    RED,
    SORTED,
    bodies,
    nothing,
    one,
    soon,
    take,
)


def sample(
    name: str, *, subject: str | None = None, properties: dict[str, PropertyValue] | None = None
) -> Message:
    return Message(body=name.encode(), subject=subject, application_properties=properties or {})


class Rules:
    async def test_message_goes_where_a_rule_matches(self, broker: Broker) -> None:
        await broker.send(
            SORTED,
            [
                sample("large", properties={"size": 11}),
                sample("small", properties={"size": 10}),
                sample("red", properties={"colour": "red"}),
                sample("Red", properties={"colour": "Red"}),
                sample("both", properties={"colour": "red", "size": 99}),
            ],
        )

        assert bodies(await take(broker.receiver(LARGE), 5)) == ["large", "both"]
        assert bodies(await take(broker.receiver(RED), 5)) == ["red", "both"]
        assert await nothing(broker.receiver(NEVER))

    async def test_message_that_two_rules_match_comes_once(self, broker: Broker) -> None:
        await broker.send(SORTED, [sample("a", subject="large one", properties={"size": 11})])

        assert bodies(await take(broker.receiver(LARGE), 2)) == ["a"]

    async def test_scheduled_message_meets_the_rules_when_due(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        due = clock.now() + timedelta(minutes=1)
        message = Message(
            body=b"a", application_properties={"colour": "red"}, scheduled_enqueue_time=due
        )
        await broker.send(SORTED, [message])

        await clock.advance(timedelta(minutes=1))

        assert bodies(await take(broker.receiver(RED), 2)) == ["a"]
        assert await nothing(broker.receiver(LARGE))

    async def test_subscription_has_a_time_to_live_of_its_own(
        self, broker: Broker, clock: FakeClock
    ) -> None:
        message = sample("a", subject="brief", properties={"colour": "red"})
        await broker.send(SORTED, [message])

        await clock.advance(LIFE)

        assert await nothing(broker.receiver(BRIEF))
        assert bodies(await take(broker.receiver(RED))) == ["a"]

    async def test_message_without_a_session_is_a_dead_letter_where_one_is_required(
        self, broker: Broker
    ) -> None:
        await broker.send(SORTED, [sample("lost", subject="chat")])
        await broker.send(SORTED, [Message(body=b"a", subject="chat", session_id="s")])

        letter = await one(broker.receiver(f"{BY_SESSION}/$DeadLetterQueue"))
        assert letter.message.body == b"lost"
        assert letter.dead_letter_reason == "Session ID is null"
        session = await soon(broker.accept_session(BY_SESSION, max_wait=timedelta(0)))
        assert session.session_id == "s"
        assert bodies(await take(session, 2)) == ["a"]
