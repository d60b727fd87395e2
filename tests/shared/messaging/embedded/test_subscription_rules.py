from collections.abc import AsyncIterator, Sequence
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import to_microseconds
from shared.errors import (
    ConfigurationError,
    ConflictError,
    EntityNotFoundError,
    InvalidFilterError,
    NotFoundError,
    PermanentError,
)
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import message_of
from shared.messaging.embedded.subscription_rules import decode_rule, encode_rule
from shared.messaging.entities import (
    NamespaceDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.messaging.message import Message
from shared.messaging.rules import (
    DEFAULT_RULE,
    CorrelationFilter,
    FalseFilter,
    Filter,
    RuleDescription,
    SqlFilter,
    TrueFilter,
)
from shared.sql.database import Database
from tests.clocks import FakeClock, settle
from tests.contracts.broker_steps import ALL, LOCK, QUEUE, RED, SORTED, TOPIC
from tests.shared.messaging.embedded.cores import letter, lock, make_core, of_amqp, payloads

PATH = "t/Subscriptions/s"
RED_RULE = RuleDescription("red", SqlFilter("colour = 'red'"))
TEXT = st.none() | st.text(max_size=5)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.uuids()
    | st.datetimes(timezones=st.just(UTC))
)
FILTERS = (
    st.builds(TrueFilter)
    | st.builds(FalseFilter)
    | st.builds(SqlFilter, st.text())
    | st.builds(
        CorrelationFilter,
        correlation_id=TEXT,
        message_id=TEXT,
        to=TEXT,
        reply_to=TEXT,
        subject=TEXT,
        session_id=TEXT,
        reply_to_session_id=TEXT,
        content_type=TEXT,
        properties=st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    )
)


@given(FILTERS, TEXT)
def test_stored_rule_is_the_one_that_was_given(one: Filter, action: str | None) -> None:
    rule = RuleDescription("r", one, action)

    assert decode_rule("r", encode_rule(rule)) == rule


def test_rule_that_was_stored_before_there_were_actions_is_read() -> None:
    assert decode_rule("red", '{"expression": "colour = \'red\'", "kind": "sql"}') == RED_RULE
    assert encode_rule(RED_RULE) == '{"expression": "colour = \'red\'", "kind": "sql"}'


@pytest.fixture
async def core(database: Database, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    core = make_core(database, clock)
    yield core
    await core.close()


async def started(
    database: Database, clock: FakeClock, rules: Sequence[RuleDescription]
) -> BrokerCore:
    """Return a core of which the subscription is configured with these rules."""
    subscriptions = (SubscriptionDescription(name="s", rules=tuple(rules)),)
    topics = (TopicDescription(name="t", subscriptions=subscriptions),)
    core = make_core(database, clock, NamespaceDescription(name="n", topics=topics))
    await core.open()
    return core


async def test_rules_outlast_restarts_while_the_configuration_stays(
    database: Database, clock: FakeClock
) -> None:
    first = await started(database, clock, [DEFAULT_RULE])
    await first.remove_rule(PATH, "$default")
    await first.add_rule(PATH, RED_RULE)
    await first.close()

    second = await started(database, clock, [DEFAULT_RULE])

    assert await second.rules(PATH) == [RED_RULE]
    await second.send("t", [letter("red", colour="red"), letter("blue", colour="blue")])
    assert payloads(await lock(second, PATH, 5)) == ["red"]
    await second.close()


async def test_changed_configuration_replaces_the_rules(
    database: Database, clock: FakeClock
) -> None:
    first = await started(database, clock, [DEFAULT_RULE])
    await first.add_rule(PATH, RED_RULE)
    await first.close()
    changed = [RuleDescription("blue", SqlFilter("colour = 'blue'"))]

    second = await started(database, clock, changed)

    assert await second.rules(PATH) == changed
    await second.close()


async def test_subscription_without_rules_gets_nothing(
    database: Database, clock: FakeClock
) -> None:
    core = await started(database, clock, [])

    await core.send("t", [letter("a")])

    assert await core.peek(PATH, from_sequence_number=0, max_messages=1) == []
    await core.close()


@pytest.mark.parametrize(
    "rules",
    [
        [RuleDescription("bad", SqlFilter("size >"))],
        [RuleDescription("x" * 51, TrueFilter())],
        [RuleDescription("a", TrueFilter()), RuleDescription("A", FalseFilter())],
    ],
    ids=["filter", "name", "names"],
)
async def test_configuration_with_a_wrong_rule_is_refused(
    database: Database, clock: FakeClock, rules: list[RuleDescription]
) -> None:
    with pytest.raises(ConfigurationError, match="t/subscriptions/s"):
        await started(database, clock, rules)


async def test_rules_can_be_added_and_removed(core: BrokerCore) -> None:
    await core.add_rule(RED, RuleDescription("large", SqlFilter("size > 5")))
    await core.send(SORTED, [letter("large", size=6), letter("red", colour="red")])
    assert payloads(await lock(core, RED, 5)) == ["large", "red"]

    await core.remove_rule(RED, "LARGE")
    await core.send(SORTED, [letter("large", size=6)])

    assert await lock(core, RED, 5) == []
    assert [rule.name for rule in await core.rules(RED)] == ["red"]


async def test_rule_that_is_wrong_is_refused(core: BrokerCore) -> None:
    for rule, error in (
        (RuleDescription("RED", TrueFilter()), ConflictError),
        (RuleDescription("x" * 51, TrueFilter()), PermanentError),
        (RuleDescription("", TrueFilter()), PermanentError),
        (RuleDescription("bad", SqlFilter("size >")), InvalidFilterError),
        (RuleDescription("long", SqlFilter(" OR ".join(["a = 1"] * 200))), InvalidFilterError),
    ):
        with pytest.raises(error):
            await core.add_rule(RED, rule)
    with pytest.raises(NotFoundError):
        await core.remove_rule(RED, "none")
    with pytest.raises(EntityNotFoundError):
        await core.rules(QUEUE)
    assert [rule.name for rule in await core.rules(RED)] == ["red"]


async def test_topic_has_so_many_rules(database: Database, clock: FakeClock) -> None:
    rules = tuple(RuleDescription(f"rule {n}", FalseFilter()) for n in range(1000))
    names = ("one", "other")
    subscriptions = tuple(SubscriptionDescription(name=name, rules=rules) for name in names)
    topics = (TopicDescription(name="t", subscriptions=subscriptions),)
    core = make_core(database, clock, NamespaceDescription(name="n", topics=topics))

    with pytest.raises(PermanentError, match="2000"):
        await core.add_rule("t/Subscriptions/one", RuleDescription("more", TrueFilter()))
    await core.add_rule("t/Subscriptions/one", RuleDescription("more", CorrelationFilter()))
    await core.close()


async def test_rules_see_messages_of_either_form(core: BrokerCore) -> None:
    message = Message(body=b"amqp", application_properties={"colour": "red"})

    await core.send(SORTED, [of_amqp(message), letter("port", colour="red")])

    assert [message_of(one).body for one in await lock(core, RED, 2)] == [b"amqp", b"port"]


async def test_damaged_message_matches_no_filter_and_stops_no_other(
    core: BrokerCore, clock: FakeClock
) -> None:
    damaged = of_amqp(Message(body=b"a"))
    damaged.payload = b"\x00\x53\x74\x45" + damaged.payload
    damaged.due = to_microseconds(clock.now() + LOCK)
    await core.send(SORTED, [damaged])
    await core.send(TOPIC, [damaged])
    await settle()

    await clock.advance(LOCK)

    assert await lock(core, RED) == []
    assert len(await lock(core, ALL)) == 1
