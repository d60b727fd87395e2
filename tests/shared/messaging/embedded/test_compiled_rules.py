"""What rules with actions make of the envelopes that the core keeps, of either form."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest

from shared.errors import ConfigurationError, InvalidFilterError
from shared.messaging.amqp.codec.envelopes import envelope_of
from shared.messaging.amqp.codec.sections import (
    AmqpMessage,
    Code,
    Properties,
    decode_message,
    encode_message,
    find_sections,
)
from shared.messaging.amqp.codec.values import Short
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import encode, message_of
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.entities import (
    NamespaceDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.messaging.message import Message, PropertyValue
from shared.messaging.rules import FalseFilter, RuleDescription, SqlFilter, TrueFilter
from shared.sql.database import Database
from tests.clocks import FakeClock
from tests.shared.messaging.embedded.cores import NO_WAIT, letter, lock, make_core, of_amqp

ID = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")
PATH, SESSIONS = "t/Subscriptions/s", "t/Subscriptions/sessions"
MARK = RuleDescription("mark", TrueFilter(), "SET mark = newid()")
DESCRIPTION = NamespaceDescription(
    name="n",
    topics=(
        TopicDescription(
            name="t",
            subscriptions=(
                SubscriptionDescription(name="s", rules=(MARK,)),
                SubscriptionDescription(
                    name="sessions",
                    requires_session=True,
                    rules=(RuleDescription("x", SqlFilter("x = 1"), "SET sys.SessionId = 'x'"),),
                ),
            ),
        ),
    ),
)
FORMS = pytest.mark.parametrize("form", [encode, of_amqp])


@pytest.fixture
async def core(database: Database, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    core = BrokerCore(database, clock=clock, description=DESCRIPTION, new_id=lambda: ID)
    yield core
    await core.close()


@FORMS
async def test_copy_has_what_the_action_set(
    core: BrokerCore, form: Callable[[Message], Envelope]
) -> None:
    await core.send("t", [form(Message(body=b"a", message_id="m", session_id="s"))])

    [found] = await lock(core, PATH, 2)

    properties: dict[str, PropertyValue] = {"mark": ID, "RuleName": "mark"}
    wanted = Message(body=b"a", message_id="m", session_id="s", application_properties=properties)
    assert message_of(found) == wanted
    assert (found.message_id, found.session_id) == ("m", "s")


async def test_copy_of_what_came_over_amqp_keeps_its_types_and_its_body(
    core: BrokerCore, clock: FakeClock
) -> None:
    message = AmqpMessage(
        properties=Properties(message_id=UUID(int=1), correlation_id=b"\xff"),
        application_properties={"short": Short(3)},
        data=(b"one", b"two"),
        footer={"f": 1},
    )
    payload = encode_message(message)
    await core.send("t", [envelope_of(payload, now=0)])

    [found] = await lock(core, PATH, 2)

    decoded = decode_message(found.payload)
    assert found.form is Form.AMQP
    assert repr(decoded.properties) == repr(message.properties)
    assert isinstance(decoded.application_properties["short"], Short)
    assert decoded.application_properties["mark"] == ID
    assert found.payload[place(found.payload) :] == payload[place(payload) :]


def place(payload: bytes) -> int:
    """Return where the body begins."""
    return next(
        one.start for one in find_sections(payload) if one.code > Code.APPLICATION_PROPERTIES
    )


@FORMS
async def test_session_that_an_action_sets_is_the_copys(
    core: BrokerCore, form: Callable[[Message], Envelope]
) -> None:
    message = Message(body=b"a", session_id="s", application_properties={"x": 1})

    await core.send("t", [form(message)])

    session = await core.accept_session(SESSIONS, session_id=None, max_wait=NO_WAIT)
    [found] = await lock(core, SESSIONS, session=session)
    assert (session.session_id, found.session_id, message_of(found).session_id) == ("x", "x", "x")


@FORMS
async def test_copy_with_too_large_properties_is_a_dead_letter(
    core: BrokerCore, form: Callable[[Message], Envelope]
) -> None:
    heavy = {"a": "x" * 30_000, "b": "y" * 30_000}
    await core.add_rule(
        PATH, RuleDescription("double", SqlFilter("a = b OR EXISTS(a)"), "SET c = a")
    )
    message = Message(body=b"a", application_properties=heavy)

    await core.send("t", [form(message)])

    [found] = await lock(core, PATH, 2)
    [dead] = await lock(core, f"{PATH}/$DeadLetterQueue", 2)
    assert message_of(found).application_properties == {**heavy, "mark": ID, "RuleName": "mark"}
    assert message_of(dead) == message
    assert dead.dead_letter_reason == "HeaderSizeExceeded"
    assert "at most 65536" in (dead.dead_letter_error_description or "")


async def test_damaged_message_is_copied_as_it_is(core: BrokerCore) -> None:
    damaged = of_amqp(Message(body=b"a"))
    damaged.payload = b"\x00\x53\x74\x45" + damaged.payload

    await core.send("t", [damaged])

    [found] = await lock(core, PATH, 2)
    assert found.payload == damaged.payload


@FORMS
async def test_sizes_are_those_of_the_copies(
    core: BrokerCore, form: Callable[[Message], Envelope]
) -> None:
    sent = form(Message(body=b"a" * 100))
    await core.send("t", [sent])
    (held,) = [counts.size for counts in await core.counts() if counts.path.lower() == "t"]

    [found] = await lock(core, PATH)
    await core.complete(PATH, found.lock_token)

    (left,) = [counts.size for counts in await core.counts() if counts.path.lower() == "t"]
    assert held >= sent.size + len("mark") + len("RuleName") + len("mark")
    assert left == 0


async def test_rules_keep_their_actions_over_restarts(database: Database, clock: FakeClock) -> None:
    first = make_core(database, clock, DESCRIPTION)
    await first.open()
    added = RuleDescription("added", SqlFilter("n = 1"), "SET n = n + 1")
    await first.add_rule(PATH, added)
    await first.close()

    second = make_core(database, clock, DESCRIPTION)
    await second.open()

    assert await second.rules(PATH) == [added, MARK]
    await second.send("t", [letter("a", n=1)])
    found = [message_of(one).application_properties for one in await lock(second, PATH, 3)]
    assert [(one["n"], one["RuleName"]) for one in found] == [(2, "added"), (1, "mark")]
    await second.close()


async def test_rule_with_a_wrong_action_is_refused(
    core: BrokerCore, database: Database, clock: FakeClock
) -> None:
    wrong = RuleDescription("wrong", FalseFilter(), "SET sys.PartitionKey = 1")
    subscriptions = (SubscriptionDescription(name="s", rules=(wrong,)),)
    topics = (TopicDescription(name="t", subscriptions=subscriptions),)

    with pytest.raises(InvalidFilterError):
        await core.add_rule(PATH, wrong)
    with pytest.raises(ConfigurationError, match="rule 'wrong'"):
        make_core(database, clock, NamespaceDescription(name="n", topics=topics))
