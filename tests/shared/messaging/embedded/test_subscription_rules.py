from collections.abc import Sequence
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.subscription_rules import decode_filter, encode_filter
from shared.messaging.entities import (
    NamespaceDescription,
    SubscriptionDescription,
    TopicDescription,
)
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
from tests.clocks import FakeClock
from tests.shared.messaging.embedded.cores import letter, lock, make_core, payloads

PATH = "t/Subscriptions/s"
RED = RuleDescription("red", SqlFilter("colour = 'red'"))
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


@given(FILTERS)
def test_stored_filter_is_the_one_that_was_given(one: Filter) -> None:
    assert decode_filter(encode_filter(one)) == one


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
    await first.add_rule(PATH, RED)
    await first.close()

    second = await started(database, clock, [DEFAULT_RULE])

    assert await second.rules(PATH) == [RED]
    await second.send("t", [letter("red", colour="red"), letter("blue", colour="blue")])
    assert payloads(await lock(second, PATH, 5)) == ["red"]
    await second.close()


async def test_changed_configuration_replaces_the_rules(
    database: Database, clock: FakeClock
) -> None:
    first = await started(database, clock, [DEFAULT_RULE])
    await first.add_rule(PATH, RED)
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
