from datetime import timedelta

import pytest

from shared.messaging.amqp.codec.frames import AMQP_HEADER, SASL_HEADER, encode_frame
from shared.messaging.amqp.codec.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    End,
    Error,
    Flow,
    Open,
    Transfer,
)
from shared.messaging.amqp.engine.connection import CHANNEL_MAX, CLOSE_WITHIN, OPEN_WITHIN
from tests.shared.messaging.amqp.memory_serving import Served, eventually
from tests.shared.messaging.amqp.peer import (
    ANONYMOUS,
    Peer,
    credit_flow,
    receiver,
    sender,
    transfer,
)

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)


async def closed_with(peer: Peer) -> str | None:
    """Return the condition the connection is closed with."""
    error = (await peer.hear(Close)).error
    return None if error is None else error.condition


async def test_open_says_what_this_side_takes(served: Served) -> None:
    peer = await Peer.connected(served.port)
    await peer.shake_hands()
    peer.say(Open("peer", "LocalHost"))

    answer = await peer.hear(Open)

    assert (answer.max_frame_size, answer.channel_max) == (65_536, CHANNEL_MAX)
    assert answer.idle_time_out == 120_000
    assert [each.hostname for each in served.memory.peers] == ["localhost"]
    await peer.leave()


async def test_a_close_is_answered_and_then_the_socket_closed(served: Served) -> None:
    peer = await Peer.opened(served.port)

    peer.say(Close())

    assert await closed_with(peer) is None
    await peer.hear_end()
    await eventually(lambda: served.server.connections == 0)
    assert served.memory.ended == ["nodes"]


async def test_nodes_are_told_of_the_links_and_then_of_the_connection(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")
    await peer.attach_receiver("orders")

    await peer.leave()

    await eventually(lambda: served.server.connections == 0)
    assert served.memory.ended == ["inlet orders", "outlet orders", "nodes"]


async def test_a_node_can_close_the_connection(served: Served) -> None:
    peer = await Peer.opened(served.port)

    served.memory.peers[0].close(Error("amqp:unauthorized-access", "the token has expired"))
    served.memory.peers[0].close(Error("amqp:internal-error", "once is enough"))

    error = (await peer.hear(Close)).error
    assert error == Error(
        "amqp:unauthorized-access",
        "the token has expired",
        {"condition": "amqp:unauthorized-access"},
    )
    peer.say(Begin(None, 0, 10, 10))
    peer.say(Close())
    await peer.hear_end()


@pytest.mark.parametrize(
    ("opening", "condition"),
    [
        (Open("peer", max_frame_size=511), "amqp:invalid-field"),
        (Open("peer", idle_time_out=999), "amqp:invalid-field"),
    ],
    ids=["frame", "idle"],
)
async def test_an_open_that_cannot_be_kept_is_answered_by_open_and_close(
    served: Served, opening: Open, condition: str
) -> None:
    peer = await Peer.connected(served.port)
    await peer.shake_hands()

    peer.say(opening)

    await peer.hear(Open)
    assert await closed_with(peer) == condition
    await peer.leave()


@pytest.mark.parametrize(
    "first",
    [Begin(None, 0, 1, 1), sender("q"), transfer(0), credit_flow(0, 1), Detach(0), End()],
    ids=lambda first: type(first).__name__,
)
async def test_the_first_frame_must_be_an_open(
    served: Served, first: Begin | Attach | Transfer | Flow | Detach | End
) -> None:
    peer = await Peer.connected(served.port)
    await peer.shake_hands()

    peer.say(first)

    await peer.hear(Open)
    assert await closed_with(peer) == "amqp:illegal-state"
    await peer.leave()


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        (encode_frame(0, Open("again")), "amqp:illegal-state"),
        (encode_frame(2, sender("q")), "amqp:illegal-state"),
        (encode_frame(2, End()), "amqp:illegal-state"),
        (encode_frame(1, Begin(None, 0, 1, 1)), "amqp:illegal-state"),
        (encode_frame(CHANNEL_MAX + 1, Begin(None, 0, 1, 1)), "amqp:connection:framing-error"),
        (encode_frame(1, sender("q", 256)), "amqp:connection:framing-error"),
        (AMQP_HEADER, "amqp:connection:framing-error"),
        (SASL_HEADER, "amqp:connection:framing-error"),
        (encode_frame(0, ANONYMOUS), "amqp:connection:framing-error"),
        (bytes.fromhex("0000000701000000"), "amqp:connection:framing-error"),
        (bytes.fromhex("0001000102000001"), "amqp:connection:framing-error"),
        (bytes.fromhex("0000000902000001ff"), "amqp:decode-error"),
        (bytes.fromhex("0000000c02000001005310a1"), "amqp:decode-error"),
    ],
    ids=[
        "open twice",
        "attach without session",
        "end without session",
        "begin twice",
        "channel above maximum",
        "handle above maximum",
        "amqp header",
        "sasl header",
        "sasl frame",
        "frame below minimum",
        "frame above maximum",
        "no performative",
        "no list",
    ],
)
async def test_a_fault_of_the_peers_ends_the_connection_with_its_condition(
    served: Served, data: bytes, condition: str
) -> None:
    peer = await Peer.begun(served.port)

    peer.write(data)

    assert await closed_with(peer) == condition
    await peer.leave()


async def test_a_peer_with_fewer_channels_is_held_to_them(served: Served) -> None:
    peer = await Peer.opened(served.port, Open("peer", channel_max=3))

    peer.say(Begin(None, 0, 1, 1), channel=4)

    assert await closed_with(peer) == "amqp:connection:framing-error"
    await peer.leave()


async def test_a_connection_has_many_sessions_and_links(served: Served) -> None:
    peer = await Peer.opened(served.port)
    for number in range(10):
        peer.say(Begin(None, 0, 5000, 5000), channel=number)
        assert (await peer.hear(Begin)).remote_channel == number
        peer.say(receiver(f"queue-{number}", 0), channel=number)
        await peer.hear(Attach)

    for number in range(10):
        peer.say(credit_flow(0, 1), channel=number)
        await eventually(lambda: sum(each.outlet.credit for each in served.memory.outlets) == 1)
        served.memory.put(f"queue-{number}", b"for %d" % number)

        assert await peer.hear_frame(Transfer) == (
            Transfer(0, 0, (1).to_bytes(16), 0, False, False),
            b"for %d" % number,
        )
    await peer.leave()


async def test_more_links_than_a_connection_may_have_end_their_session(served: Served) -> None:
    peer = await Peer.opened(served.port)
    for number in range(5):
        peer.say(Begin(None, 0, 5000, 5000), channel=number)
        await peer.hear(Begin)

    for link in range(1001):
        peer.say(sender("orders", link % 250), channel=link // 250)

    heard = [await peer.next() for _ in range(2001)]
    ends = [item.performative for item in heard if type(item.performative) is End]  # type: ignore[union-attr]
    assert [end.error and end.error.condition for end in ends] == ["amqp:resource-limit-exceeded"]
    await peer.leave()


async def test_whoever_does_not_get_to_open_in_time_is_cut_off(served: Served) -> None:
    silent = await Peer.connected(served.port)
    half = await Peer.connected(served.port)
    half.write(SASL_HEADER)
    half.say(ANONYMOUS)
    half.write(AMQP_HEADER + encode_frame(0, Open("peer"))[:-1])
    good = await Peer.opened(served.port)
    await eventually(lambda: served.server.connections == 3)

    await served.clock.advance(OPEN_WITHIN)

    await silent.hear_end()
    await eventually(lambda: served.server.connections == 1)
    await good.close()
    await half.leave()


async def test_whoever_does_not_answer_a_close_is_cut_off(served: Served) -> None:
    peer = await Peer.opened(served.port)
    peer.say(Open("again"))
    await peer.hear(Close)

    await served.clock.advance(CLOSE_WITHIN - MILLISECOND)
    assert served.server.connections == 1
    await served.clock.advance(MILLISECOND)

    await peer.hear_end()


async def test_a_bug_ends_its_connection_only(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    other = await Peer.opened(served.port)
    peer = await Peer.connected(served.port)
    await peer.shake_hands()

    peer.say(Open("peer", "broken"))

    await peer.hear(Open)
    assert await closed_with(peer) == "amqp:internal-error"
    assert [record.message for record in caplog.records] == ["an AMQP connection failed"]
    await other.close()
    await peer.leave()
