import pytest

from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    SENDER,
    Accepted,
    Attach,
    Begin,
    Coordinator,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Performative,
    Received,
    Released,
    Target,
    Transfer,
)
from shared.messaging.amqp.engine.channel import WINDOW
from shared.messaging.amqp.engine.session import HANDLE_MAX
from tests.shared.messaging.amqp.memory import NOT_FOUND
from tests.shared.messaging.amqp.memory_serving import Served, eventually
from tests.shared.messaging.amqp.peer import Peer, credit_flow, receiver, sender, transfer


async def ended_with(peer: Peer) -> str | None:
    """Return the condition the session is ended with."""
    error = (await peer.hear(End)).error
    return None if error is None else error.condition


async def test_begin_is_answered_on_the_same_channel_with_windows_and_handles(
    served: Served,
) -> None:
    peer = await Peer.opened(served.port)

    peer.say(Begin(None, 7, 1, 1), channel=9)

    answer = await peer.hear(Begin)
    assert (answer.remote_channel, answer.handle_max) == (9, HANDLE_MAX)
    assert (answer.next_outgoing_id, answer.incoming_window) == (0, WINDOW)
    await peer.close()


async def test_an_end_is_answered_and_its_channel_is_free_again(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    peer.say(End())

    assert await ended_with(peer) is None
    await eventually(lambda: served.memory.ended == ["inlet orders"])
    peer.say(Begin(None, 0, 1, 1))
    await peer.hear(Begin)
    await peer.close()


@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        (sender("orders", 0), "amqp:session:handle-in-use"),
        (transfer(0, handle=5), "amqp:session:unattached-handle"),
        (transfer(0, handle=1), "amqp:session:unattached-handle"),
        (credit_flow(5, 1), "amqp:session:unattached-handle"),
        (Detach(5), "amqp:session:unattached-handle"),
    ],
    ids=["attach", "transfer", "transfer to a receiver", "flow", "detach"],
)
async def test_a_wrong_handle_ends_the_session_and_not_the_connection(
    served: Served, fault: Performative, condition: str
) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")
    await peer.attach_receiver("orders")
    peer.say(Begin(None, 0, 1, 1), channel=2)
    await peer.hear(Begin)

    peer.say(fault)
    peer.say(transfer(1))  # sent before the peer has heard of the end, it is dropped

    assert await ended_with(peer) == condition
    peer.say(End())
    peer.say(sender("orders"), channel=2)
    await peer.hear(Attach)
    await peer.close()
    assert served.memory.arrived == []


async def test_more_transfers_than_the_window_takes_end_the_session(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    # All parts of one delivery: no flow is due at its half, since that is not the peer's to count on.
    for _ in range(WINDOW // 2 + 1):
        peer.say(transfer(0, more=True))

    flow = await peer.hear(Flow)
    assert (flow.next_incoming_id, flow.incoming_window) == (WINDOW // 2, WINDOW)
    assert (flow.handle, flow.delivery_count, flow.link_credit) == (0, 0, 1000)
    await peer.close()


async def test_a_flow_that_asks_for_an_echo_gets_it(served: Served) -> None:
    peer = await Peer.begun(served.port)

    peer.say(Flow(0, 10, 40, 10, echo=True))

    flow = await peer.hear(Flow)
    assert (flow.next_incoming_id, flow.incoming_window, flow.handle) == (40, WINDOW, None)
    await peer.close()


async def test_a_link_that_is_refused_lacks_its_terminus_and_is_detached_with_the_error(
    served: Served,
) -> None:
    peer = await Peer.begun(served.port)

    peer.say(sender("gone", 0))
    refused_sender, first = await peer.hear(Attach), await peer.hear(Detach)
    peer.say(receiver("gone", 1))
    refused_receiver, second = await peer.hear(Attach), await peer.hear(Detach)

    assert (refused_sender.role, refused_sender.target) == (RECEIVER, None)
    assert refused_sender.source is not None
    assert (refused_receiver.role, refused_receiver.source) == (SENDER, None)
    assert refused_receiver.target is not None
    assert refused_receiver.initial_delivery_count == 0
    error = Error(NOT_FOUND, "there is no 'gone'", {"condition": NOT_FOUND})
    assert (first, second) == (Detach(0, True, error), Detach(1, True, error))
    await peer.close()


@pytest.mark.parametrize(
    ("attach", "condition"),
    [
        (Attach("a", 0, SENDER, target=Coordinator()), "amqp:not-implemented"),
        (Attach("a", 0, SENDER), "amqp:invalid-field"),
        (Attach("a", 0, RECEIVER, target=Target("x")), "amqp:invalid-field"),
    ],
    ids=["transactions", "no target", "no source"],
)
async def test_an_attach_to_nothing_is_refused(
    served: Served, attach: Attach, condition: str
) -> None:
    peer = await Peer.begun(served.port)

    peer.say(attach)

    await peer.hear(Attach)
    error = (await peer.hear(Detach)).error
    assert error is not None
    assert error.condition == condition
    await peer.close()


async def test_an_attach_may_take_its_time_while_others_go_on(served: Served) -> None:
    peer = await Peer.begun(served.port)
    peer.say(receiver("pending", 1))
    peer.say(credit_flow(1, 5))
    await peer.attach_sender("orders")

    served.memory.put("pending", b"now")
    served.memory.gate.set()

    assert (await peer.hear(Attach)).name == "receiver-1"
    assert (await peer.hear_frame(Transfer))[1] == b"now"
    await peer.close()


@pytest.mark.parametrize("attach", [sender("pending"), receiver("pending", 0)], ids=["in", "out"])
async def test_a_pending_attach_can_be_given_up(served: Served, attach: Attach) -> None:
    peer = await Peer.begun(served.port)
    peer.say(attach)

    peer.say(Detach(0, True))

    answer = await peer.hear(Attach)
    assert None in (answer.source, answer.target)
    assert await peer.hear(Detach) == Detach(0, True)
    await peer.leave()
    await eventually(lambda: served.server.connections == 0)
    assert served.memory.ended == ["nodes"]


async def test_a_pending_attach_ends_with_its_connection(served: Served) -> None:
    peer = await Peer.begun(served.port)
    peer.say(receiver("pending"))
    peer.say(sender("pending"))

    await peer.leave()

    await eventually(lambda: served.server.connections == 0)
    assert served.memory.outlets == []


async def test_a_transfer_before_there_is_credit_ends_the_link(served: Served) -> None:
    peer = await Peer.begun(served.port)

    peer.say(sender("pending"))
    peer.say(transfer(0), b"too early")

    assert (await peer.hear(Attach)).target is None
    error = (await peer.hear(Detach)).error
    assert error is not None
    assert error.condition == "amqp:link:transfer-limit-exceeded"
    await peer.close()


async def test_a_detach_is_answered_and_its_handle_is_free_again(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    for is_closed in (False, True):
        peer.say(Detach(0, is_closed))
        assert await peer.hear(Detach) == Detach(0, is_closed)
        await peer.attach_sender("orders")

    assert served.memory.ended == ["inlet orders", "inlet orders"]
    await peer.close()


async def test_dispositions_that_decide_nothing_settle_nothing(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("orders", credit=1)
    served.memory.put("orders", b"x")
    await peer.hear(Transfer)

    peer.say(Disposition(RECEIVER, 0, state=Received(0, 0)))
    peer.say(Disposition(RECEIVER, 0, settled=True, state=Received(0, 0)))
    peer.say(Disposition(RECEIVER, 0))
    peer.say(Disposition(SENDER, 0, settled=True, state=Accepted()))
    peer.say(Disposition(RECEIVER, 1, 2**31, state=Accepted()))
    peer.say(Disposition(RECEIVER, 0, 2**32 - 1, state=Released()))

    assert await peer.hear(Disposition) == Disposition(SENDER, 0, 0, True, Released())
    assert [outcome for _, outcome in served.memory.settlements] == [Released()]
    await peer.close()
