import pytest

from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    SENDER,
    Accepted,
    Attach,
    Close,
    Detach,
    Disposition,
    Error,
    Flow,
    Modified,
    Open,
    Outcome,
    Rejected,
    Released,
    Source,
    Transfer,
)
from shared.messaging.amqp.codec.values import Symbol
from shared.messaging.amqp.engine.channel import MOST_UNSETTLED
from tests.shared.messaging.amqp.memory import LOCK_LOST
from tests.shared.messaging.amqp.memory_serving import Served, eventually
from tests.shared.messaging.amqp.peer import Peer, credit_flow, receiver

BIG = bytes(range(256)) * 1000


def echo(first: int, last: int, outcome: Outcome) -> Disposition:
    return Disposition(SENDER, first, last, True, outcome)


async def receive(peer: Peer) -> bytes:
    """Return the next message whole."""
    transfer, payload = await peer.hear_frame(Transfer)
    while transfer.more:
        transfer, part = await peer.hear_frame(Transfer)
        payload += part
    return payload


async def test_attach_is_answered_with_what_is_in_force(served: Served) -> None:
    peer = await Peer.begun(served.port)
    asked = receiver("orders")
    asked.source = Source("orders", filter={Symbol("test:filter"): "yes"})

    peer.say(asked)

    answer = await peer.hear(Attach)
    assert (answer.role, answer.initial_delivery_count) == (SENDER, 0)
    assert (answer.source, answer.target) == (asked.source, asked.target)
    assert (answer.snd_settle_mode, answer.rcv_settle_mode) == (0, 1)
    assert answer.max_message_size == 262_144
    assert answer.properties == {"test:address": "orders"}
    await peer.close()


async def test_no_more_is_sent_than_there_is_credit_for(served: Served) -> None:
    peer = await Peer.begun(served.port)
    for number in range(5):
        served.memory.put("orders", b"%d" % number)
    await peer.attach_receiver("orders", credit=2)
    first = [await peer.hear_frame(Transfer) for _ in range(2)]

    peer.say(Flow(2, 5000, 0, 5000, 1, 1, 2))  # said before the second had come

    third = await peer.hear_frame(Transfer)
    assert [payload for _, payload in [*first, third]] == [b"0", b"1", b"2"]
    assert [transfer.delivery_id for transfer, _ in [*first, third]] == [0, 1, 2]
    await peer.close()


async def test_an_echo_says_how_much_credit_is_left(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("orders", credit=3)
    served.memory.put("orders", b"x")
    await peer.hear(Transfer)

    peer.say(Flow(1, 5000, 0, 5000, 1, 0, 3, echo=True))

    flow = await peer.hear(Flow)
    assert (flow.handle, flow.delivery_count, flow.link_credit) == (1, 1, 2)
    assert flow.next_outgoing_id == 1
    await peer.close()


async def test_draining_without_a_message_uses_the_credit_up(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("orders", credit=10)

    peer.say(credit_flow(1, 10, drain=True))

    flow = await peer.hear(Flow)
    assert (flow.delivery_count, flow.link_credit, flow.drain) == (10, 0, True)
    served.memory.put("orders", b"later")
    peer.say(credit_flow(1, 1, delivery_count=10))
    assert await receive(peer) == b"later"
    await peer.close()


async def test_draining_sends_what_there_is_first(served: Served) -> None:
    peer = await Peer.begun(served.port)
    served.memory.put("orders", b"a")
    await peer.attach_receiver("orders")

    peer.say(credit_flow(1, 2, drain=True))

    assert await receive(peer) == b"a"
    flow = await peer.hear(Flow)
    assert (flow.delivery_count, flow.link_credit, flow.drain) == (2, 0, True)
    await peer.close()


async def test_draining_is_over_when_messages_have_used_the_credit_up(served: Served) -> None:
    peer = await Peer.begun(served.port)
    served.memory.put("orders", b"a")
    await peer.attach_receiver("orders")

    peer.say(credit_flow(1, 1, drain=True))

    assert await receive(peer) == b"a"
    flow = await peer.hear(Flow)
    assert (flow.delivery_count, flow.link_credit, flow.drain) == (1, 0, True)
    await peer.close()


async def test_a_drain_of_no_credit_is_answered_as_the_sdk_wants_on_close(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("orders", credit=10)

    peer.say(credit_flow(1, 0, drain=True))

    flow = await peer.hear(Flow)
    assert (flow.delivery_count, flow.link_credit, flow.drain) == (0, 0, True)
    await peer.close()


async def test_a_drain_may_come_before_the_attach_is_answered(served: Served) -> None:
    peer = await Peer.begun(served.port)
    peer.say(receiver("pending"))
    peer.say(credit_flow(1, 0, drain=True))

    served.memory.gate.set()

    await peer.hear(Attach)
    assert (await peer.hear(Flow)).drain is True
    await peer.close()


@pytest.mark.parametrize(
    "outcome",
    [
        Accepted(),
        Released(),
        Modified(True),
        Modified(None, True),
        Modified(True, None, {Symbol("key"): "value"}),
        Rejected(Error("com.microsoft:dead-letter", "why", {Symbol("DeadLetterReason"): "r"})),
    ],
    ids=["complete", "release", "abandon", "defer", "abandon with", "dead-letter"],
)
async def test_a_settlement_is_echoed_with_its_own_outcome(
    served: Served, outcome: Outcome
) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("orders", credit=1)
    served.memory.put("orders", b"x")
    transfer = await peer.hear(Transfer)

    peer.say(Disposition(RECEIVER, 0, None, False, outcome))

    assert await peer.hear(Disposition) == echo(0, 0, outcome)
    assert served.memory.settlements == [(transfer.delivery_tag, outcome)]
    await peer.close()


async def test_a_settlement_that_fails_is_echoed_rejected_with_the_error(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("lost", credit=1)
    served.memory.put("lost", b"x")
    await peer.hear(Transfer)

    peer.say(Disposition(RECEIVER, 0, 0, False, Accepted()))

    error = Error(LOCK_LOST, "the lock has expired", {"condition": LOCK_LOST})
    assert await peer.hear(Disposition) == echo(0, 0, Rejected(error))
    await peer.close()


async def test_each_delivery_of_a_range_is_settled_and_echoed(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("orders", credit=10)
    for _ in range(10):
        served.memory.put("orders", b"x")
        await peer.hear(Transfer)

    for first, last, settled in ((2, 6, (2, 3, 4, 5, 6)), (0, 9, (0, 1, 7, 8, 9))):
        peer.say(Disposition(RECEIVER, first, last, False, Accepted()))
        for number in settled:
            assert await peer.hear(Disposition) == echo(number, number, Accepted())
    await peer.close()


async def test_a_peer_that_settles_on_its_own_is_told_nothing(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("lost", credit=2)
    for _ in range(2):
        served.memory.put("lost", b"x")
        await peer.hear(Transfer)

    peer.say(Disposition(RECEIVER, 0, settled=True, state=Accepted()))
    peer.say(Disposition(RECEIVER, 0, settled=False, state=Accepted()))
    peer.say(Disposition(RECEIVER, 1, settled=True))

    peer.say(Close())

    await peer.hear(Close)
    assert [outcome for _, outcome in served.memory.settlements] == [Accepted(), None]
    await peer.leave()


async def test_what_is_sent_settled_awaits_no_settlement(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("settled", credit=1)
    served.memory.put("settled", b"x")

    assert (await peer.hear(Transfer)).settled is True
    peer.say(Disposition(RECEIVER, 0, state=Accepted()))

    await peer.close()
    assert served.memory.settlements == []


@pytest.mark.parametrize("max_frame_size", [512, 1000, 65_536, 4_294_967_295])
async def test_a_large_message_is_cut_into_frames_that_the_peer_takes(
    served: Served, max_frame_size: int
) -> None:
    peer = await Peer.begun(served.port, Open("peer", max_frame_size=max_frame_size))
    served.memory.put("orders", BIG)
    served.memory.put("orders", b"")
    await peer.attach_receiver("orders", credit=5)

    assert await receive(peer) == BIG
    assert await receive(peer) == b""
    assert peer.longest_frame <= min(max_frame_size, 65_536)
    await peer.close()


async def test_a_window_that_is_full_is_waited_for_in_the_middle_of_a_message(
    served: Served,
) -> None:
    peer = await Peer.begun(served.port, Open("peer", max_frame_size=65_536), window=2)
    served.memory.put("orders", BIG)
    served.memory.put("orders", b"next")
    await peer.attach_receiver("orders", credit=5)
    parts = [await peer.hear_frame(Transfer) for _ in range(2)]
    assert served.memory.outlets[0].outlet.credit == 0

    peer.say(Flow(2, 1, 0, 100))
    parts.append(await peer.hear_frame(Transfer))
    peer.say(Flow(2, 1, 0, 100, echo=True))  # of the window that has been used since
    await peer.hear(Flow)
    peer.say(Flow(3, 100, 0, 100))

    parts += [await peer.hear_frame(Transfer) for _ in range(2)]
    assert b"".join(payload for _, payload in parts) == BIG + b"next"
    assert [transfer.more for transfer, _ in parts] == [True, True, True, False, False]
    await peer.close()


async def test_a_drain_behind_a_full_window_is_answered_after_what_waits(served: Served) -> None:
    peer = await Peer.begun(served.port, window=1)
    served.memory.put("orders", BIG)
    await peer.attach_receiver("orders", credit=5)
    await peer.hear(Transfer)
    peer.say(Flow(1, 0, 0, 100, 1, 0, 5, drain=True))
    peer.say(Flow(1, 100, 0, 100))

    assert [(await peer.hear(Transfer)).more for _ in range(3)] == [True, True, False]

    flow = await peer.hear(Flow)
    assert (flow.delivery_count, flow.link_credit, flow.drain) == (5, 0, True)
    await peer.close()


async def test_echoes_behind_a_full_window_are_answered_once_and_a_drain_with_them(
    served: Served,
) -> None:
    peer = await Peer.begun(served.port, window=1)
    served.memory.put("orders", BIG)
    await peer.attach_receiver("orders", credit=5)
    await peer.hear(Transfer)
    peer.say(Flow(1, 0, 0, 100, 1, 1, 0, drain=True))
    for _ in range(100):
        peer.say(Flow(1, 0, 0, 100, 1, 1, 0, echo=True))
    peer.say(Flow(1, 100, 0, 100))
    assert [(await peer.hear(Transfer)).more for _ in range(3)] == [True, True, False]

    flow = await peer.hear(Flow)
    peer.say(Flow(4, 100, 0, 100, echo=True))

    assert (flow.handle, flow.delivery_count, flow.link_credit, flow.drain) == (1, 1, 0, True)
    assert (await peer.hear(Flow)).handle is None
    await peer.close()


async def test_a_link_that_ends_takes_what_waits_with_it(served: Served) -> None:
    peer = await Peer.begun(served.port, window=1)
    served.memory.put("orders", BIG)
    await peer.attach_receiver("orders", credit=5)
    await peer.hear(Transfer)

    peer.say(Detach(1, True))
    await peer.hear(Detach)
    served.memory.put("others", b"x")
    await peer.attach_receiver("others", handle=2)
    peer.say(Flow(1, 100, 0, 100, 2, 0, 1))

    transfer, payload = await peer.hear_frame(Transfer)
    assert (transfer.handle, transfer.delivery_id, payload) == (2, 1, b"x")
    await peer.close()


async def test_a_peer_that_settles_nothing_is_sent_no_more_at_some_point(served: Served) -> None:
    peer = await Peer.begun(served.port, window=100_000)
    for _ in range(MOST_UNSETTLED + 1):
        served.memory.put("orders", b"")
    await peer.attach_receiver("orders", credit=50_000)
    for _ in range(MOST_UNSETTLED):
        await peer.hear(Transfer)

    peer.say(Disposition(RECEIVER, 7, state=Accepted()))

    assert await peer.hear(Disposition) == echo(7, 7, Accepted())
    assert (await peer.hear(Transfer)).delivery_id == MOST_UNSETTLED
    await peer.close()


async def test_a_node_that_fails_when_credited_ends_its_link(served: Served) -> None:
    peer = await Peer.begun(served.port)

    await peer.attach_receiver("broken", credit=1)

    error = (await peer.hear(Detach)).error
    assert error is not None
    assert error.description == "TocsinError: asked to fail"
    await peer.close()


async def test_sending_without_credit_is_a_bug_and_after_the_end_it_is_not(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("orders")
    outlet = served.memory.outlets[0].outlet

    with pytest.raises(ValueError, match="credit"):
        outlet.send(b"x", tag=b"t", is_settled=True)
    outlet.detach(None)
    outlet.send(b"x", tag=b"t", is_settled=True)

    assert await peer.hear(Detach) == Detach(1, True)
    await peer.close()


async def test_a_peer_that_does_not_read_gives_no_credit(served: Served) -> None:
    peer = await Peer.begun(served.port, window=1_000_000)
    await peer.attach_receiver("orders", credit=100_000)
    await eventually(lambda: served.memory.outlets[0].outlet.credit > 0)
    sent = 0
    while served.memory.outlets[0].outlet.credit:
        served.memory.put("orders", BIG)
        sent += 1
        assert sent < 1000
    served.memory.put("orders", b"the last")

    received = [await receive(peer) for _ in range(sent + 1)]

    assert received[-1] == b"the last"
    await peer.close()
