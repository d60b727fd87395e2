"""What a link is attached to, and what it needs for that."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import (
    AuthenticationError,
    EntityNotFoundError,
    InvalidRequestError,
    PermanentError,
    SessionCannotBeLockedError,
    TransientError,
)
from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    SENDER,
    Accepted,
    Attach,
    Coordinator,
    Source,
    Target,
)
from shared.messaging.amqp.codec.sections import AmqpMessage, Properties, encode_message
from shared.messaging.amqp.codec.values import Described, Symbol, UInt
from shared.messaging.amqp.engine.node import Attached, Transferred
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.amqp.nodes.namespace_nodes import MOST_TOKEN_LINKS, NamespaceNodes
from shared.messaging.amqp.nodes.unsettled import AFTER_LOCK
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from tests.clocks import FakeClock, settle
from tests.shared.messaging.amqp.memory_links import (
    MemoryLink,
    MemoryOutlet,
    encoded,
    opened_core,
    put,
)
from tests.shared.messaging.amqp.nodes.test_cbs import signed
from tests.shared.messaging.amqp.nodes.test_sas import KEYS

LOCK = timedelta(minutes=1)
SESSION_FILTER = Symbol("com.microsoft:session-filter")
NAMESPACE = NamespaceDescription(
    name="one",
    queues=(QueueDescription(name="q"), QueueDescription(name="s", requires_session=True)),
    topics=(TopicDescription(name="t", subscriptions=(SubscriptionDescription(name="sub"),)),),
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def core(tmp_path: Path, clock: FakeClock) -> AsyncIterator[BrokerCore]:
    async with opened_core(tmp_path, clock, NAMESPACE) as core:
        yield core


@pytest.fixture
async def strange(core: BrokerCore, clock: FakeClock) -> AsyncIterator[NamespaceNodes]:
    """Nodes of a connection that has put no token."""
    arrivals = Arrivals(clock, lambda: "id")
    nodes = NamespaceNodes({"one": core}, KEYS, clock=clock, arrivals=arrivals)
    yield nodes
    await nodes.ended()


@pytest.fixture
async def nodes(strange: NamespaceNodes) -> NamespaceNodes:
    """Nodes of a connection that has put a token for everything."""
    outlet = MemoryOutlet(credit=1)
    await strange.attach_outlet(Attach("r", 0, RECEIVER, source=Source("$cbs")), outlet)
    inlet = await attach_inlet(strange, "$cbs")
    request = AmqpMessage(
        properties=Properties(message_id="m"),
        application_properties={"operation": "put-token"},
        value=signed(""),
    )
    await inlet.node.transferred(Transferred(encode_message(request), 0, False))
    assert len(outlet.sent) == 1
    return strange


async def attach_inlet(nodes: NamespaceNodes, address: str | None) -> Attached:
    attach = Attach("name", 0, SENDER, target=Target(address))
    return await nodes.attach_inlet(attach, MemoryLink())


async def attach_outlet(
    nodes: NamespaceNodes, address: str, *, properties: Any = None, **source: Any
) -> Attached:
    attach = Attach("name", 0, RECEIVER, source=Source(address, **source), properties=properties)
    return await nodes.attach_outlet(attach, MemoryOutlet())


@pytest.mark.parametrize("address", ["q", "t", "q/$management", "nowhere"])
async def test_nothing_but_cbs_is_there_without_a_token(
    strange: NamespaceNodes, address: str
) -> None:
    with pytest.raises(AuthenticationError):
        await attach_inlet(strange, address)
    with pytest.raises(AuthenticationError):
        await attach_outlet(strange, address)


@pytest.mark.parametrize("address", ["q", "T", "amqps://h:1/Q", "q/$management", "t/$management"])
async def test_queues_topics_and_management_can_be_sent_to(
    nodes: NamespaceNodes, address: str
) -> None:
    assert (await attach_inlet(nodes, address)).node is not None


@pytest.mark.parametrize(
    "address",
    [
        "q",
        "q/$DeadLetterQueue",
        "amqps://h/t/Subscriptions/Sub",
        "t/subscriptions/sub/$deadletterqueue",
        "t/Subscriptions/sub/$management",
        "s/$deadletterqueue",
        "q/$DeadLetterQueue/$management",
    ],
)
async def test_queues_subscriptions_dead_letters_and_management_can_be_received_from(
    nodes: NamespaceNodes, address: str
) -> None:
    assert (await attach_outlet(nodes, address)).node is not None


@pytest.mark.parametrize(
    "address", ["nowhere", "t/subscriptions/sub", "q/$deadletterqueue", "", None]
)
async def test_nothing_else_can_be_sent_to(nodes: NamespaceNodes, address: str | None) -> None:
    with pytest.raises(EntityNotFoundError):
        await attach_inlet(nodes, address)


@pytest.mark.parametrize("address", ["nowhere", "t", "nowhere/$management"])
async def test_nothing_else_can_be_received_from(nodes: NamespaceNodes, address: str) -> None:
    with pytest.raises(EntityNotFoundError):
        await attach_outlet(nodes, address)


async def test_links_end_when_the_token_does(nodes: NamespaceNodes, clock: FakeClock) -> None:
    inlet, outlet = MemoryLink(), MemoryOutlet()
    await nodes.attach_inlet(Attach("i", 0, SENDER, target=Target("q")), inlet)
    await nodes.attach_outlet(Attach("o", 1, RECEIVER, source=Source("q")), outlet)

    await clock.advance(timedelta(hours=1))

    for link in (inlet, outlet):
        [error] = link.detached
        assert error is not None
        assert error.condition == "amqp:unauthorized-access"


async def test_p10_few_links_take_tokens(strange: NamespaceNodes) -> None:
    for _ in range(MOST_TOKEN_LINKS):
        await attach_inlet(strange, "$cbs")
        await attach_outlet(strange, "$cbs")

    with pytest.raises(TransientError):
        await attach_inlet(strange, "$cbs")
    with pytest.raises(TransientError):
        await attach_outlet(strange, "$cbs")


@pytest.mark.parametrize("is_settled", [False, True])
async def test_receiver_awaits_no_outcome_of_what_it_has_lost_or_settled(
    nodes: NamespaceNodes, core: BrokerCore, clock: FakeClock, is_settled: bool
) -> None:
    outlet = MemoryOutlet(credit=1)
    await put(core, "q", clock, encoded())
    attached = await nodes.attach_outlet(Attach("r", 1, RECEIVER, source=Source("q")), outlet)
    attached.node.credited()
    await settle()
    [tag] = outlet.tags

    if is_settled:
        await attached.node.settled(tag, Accepted())
    await clock.advance(LOCK + AFTER_LOCK)

    assert outlet.forgotten == ([] if is_settled else [tag])
    await attached.node.ended()


async def test_transactions_have_no_coordinator(nodes: NamespaceNodes) -> None:
    with pytest.raises(EntityNotFoundError):
        await nodes.attach_inlet(Attach("c", 0, SENDER, target=Coordinator()), MemoryLink())


async def test_session_that_is_named_is_locked_and_told(
    nodes: NamespaceNodes, clock: FakeClock
) -> None:
    attached = await attach_outlet(nodes, "s", filter={SESSION_FILTER: "one"})

    assert attached.filters == {SESSION_FILTER: "one"}
    # .NET's ticks of 12:01 on the first of January 2026.
    assert attached.properties == {"com.microsoft:locked-until-utc": 639_028_656_600_000_000}
    with pytest.raises(SessionCannotBeLockedError):
        await attach_outlet(nodes, "s", filter={SESSION_FILTER: "one"})
    await attached.node.ended()
    described = Described(SESSION_FILTER, "one")
    await (await attach_outlet(nodes, "s", filter={SESSION_FILTER: described})).node.ended()


async def test_wait_for_any_session_ends_in_a_timeout(nodes: NamespaceNodes) -> None:
    timeout = {Symbol("com.microsoft:timeout"): UInt(0)}

    with pytest.raises(TransientError) as caught:
        await attach_outlet(nodes, "s", filter={SESSION_FILTER: None}, properties=timeout)
    assert caught.value.code == "OperationTimeout"


async def test_sessions_are_asked_for_where_there_are_some_and_only_there(
    nodes: NamespaceNodes,
) -> None:
    with pytest.raises(PermanentError):
        await attach_outlet(nodes, "s")
    with pytest.raises(PermanentError):
        await attach_outlet(nodes, "q", filter={SESSION_FILTER: "one"})
    with pytest.raises(InvalidRequestError):
        await attach_outlet(nodes, "s", filter={SESSION_FILTER: 1})
