import sys

from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    Accepted,
    Detach,
    Disposition,
    Error,
    Flow,
    Rejected,
    Transfer,
)
from shared.messaging.amqp.engine.inlet import CREDIT, Arriving
from shared.messaging.amqp.engine.node import Transferred
from tests.shared.messaging.amqp.memory import LOCK_LOST
from tests.shared.messaging.amqp.memory_serving import Served, eventually, serving
from tests.shared.messaging.amqp.peer import Peer, sender, transfer

ACCEPTED = Accepted()


def settled(first: int, last: int) -> Disposition:
    return Disposition(RECEIVER, first, last, True, ACCEPTED)


async def test_attach_is_answered_with_both_termini_the_limits_and_credit(served: Served) -> None:
    peer = await Peer.begun(served.port)
    asked = sender("orders", 3)

    answer = await peer.attach_sender("orders", handle=3)

    assert (answer.name, answer.handle, answer.role) == (asked.name, 3, RECEIVER)
    assert (answer.source, answer.target) == (asked.source, asked.target)
    assert (answer.snd_settle_mode, answer.rcv_settle_mode) == (0, 0)
    assert answer.max_message_size == 262_144
    assert answer.properties == {"com.microsoft:max-message-batch-size": 262_144}
    await peer.close()


async def test_a_message_is_accepted_when_its_node_has_taken_it(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    peer.say(Transfer(0, 0, b"tag", 0x80013700), b"hello")

    assert await peer.hear(Disposition) == settled(0, 0)
    assert served.memory.arrived == [Transferred(b"hello", 0x80013700, False)]
    await peer.close()


async def test_messages_of_one_packet_are_settled_as_ranges_of_one_outcome(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    for delivery_id, payload in enumerate([b"a", b"b", b"quiet", b"fail", b"d", b"fail"]):
        peer.say(transfer(delivery_id), payload)

    error = Error(LOCK_LOST, "asked to fail", {"condition": LOCK_LOST})
    heard = [await peer.hear(Disposition) for _ in range(4)]
    assert heard == [
        settled(0, 2),
        Disposition(RECEIVER, 3, 3, True, Rejected(error)),
        settled(4, 4),
        Disposition(RECEIVER, 5, 5, True, Rejected(error)),
    ]
    await peer.close()


async def test_outcomes_come_when_they_are_decided(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow", handle=0)
    await peer.attach_sender("orders", handle=1)
    peer.say(transfer(0, handle=0), b"slow")
    peer.say(transfer(1, handle=1), b"fast")

    assert await peer.hear(Disposition) == settled(1, 1)
    served.memory.gate.set()

    assert await peer.hear(Disposition) == settled(0, 0)
    await peer.close()


async def test_what_is_sent_settled_is_taken_without_a_word(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    peer.say(transfer(0, settled=True), b"fire")
    peer.say(transfer(1, settled=True), b"fail")
    peer.say(transfer(2), b"asked")

    assert await peer.hear(Disposition) == settled(2, 2)
    assert [each.is_settled for each in served.memory.arrived] == [True, True, False]
    await peer.close()


async def test_the_parts_of_a_delivery_are_put_together(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders", handle=0)
    await peer.attach_sender("others", handle=1)

    peer.say(transfer(0, more=True), b"hel")
    peer.say(transfer(1, handle=1, more=True), b"wor")
    peer.say(Transfer(0, more=True), b"l")
    peer.say(Transfer(1, 1, more=False, settled=True), b"ld")
    peer.say(Transfer(0), b"o")

    assert await peer.hear(Disposition) == settled(0, 0)
    assert [(each.payload, each.is_settled) for each in served.memory.arrived] == [
        (b"world", True),
        (b"hello", False),
    ]
    await peer.close()


def test_p10_many_small_parts_take_little_more_than_their_bytes() -> None:
    arriving = Arriving(0, 0)
    for number in range(10_000):
        arriving.append(b"x" * (number % 2))

    assert bytes(arriving.payload) == b"x" * 5000
    assert sys.getsizeof(arriving.payload) < 6000


async def test_an_aborted_delivery_has_never_been(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    peer.say(transfer(0, more=True), b"never")
    peer.say(Transfer(0, aborted=True), b"mind")
    peer.say(transfer(1, more=True, aborted=True), b"never")
    peer.say(transfer(2), b"hello")

    assert await peer.hear(Disposition) == settled(2, 2)
    assert [each.payload for each in served.memory.arrived] == [b"hello"]
    await peer.close()


async def test_a_message_above_the_size_is_rejected_and_never_put_together() -> None:
    # Detached, the SDK would not learn what was wrong.
    async with serving(max_message_size=1000) as served:
        peer = await Peer.begun(served.port)
        await peer.attach_sender("orders")

        peer.say(transfer(0), b"x" * 1000)
        peer.say(transfer(1, more=True), b"x" * 600)
        peer.say(Transfer(0, more=True), b"x" * 401)
        peer.say(Transfer(0), b"x")
        peer.say(transfer(2), b"x" * 1001)
        peer.say(transfer(3, settled=True), b"x" * 1001)
        peer.say(transfer(4), b"small")

        condition = "amqp:link:message-size-exceeded"
        text = "a message may have 1000 bytes; this one has more"
        error = Error(condition, text, {"condition": condition})
        assert await peer.hear(Disposition) == settled(0, 0)
        assert await peer.hear(Disposition) == Disposition(RECEIVER, 1, 2, True, Rejected(error))
        assert await peer.hear(Disposition) == settled(4, 4)
        assert [len(each.payload) for each in served.memory.arrived] == [1000, 5]
        assert [len(each) for each in served.memory.beginnings] == [600, 1001, 1001]
        await peer.close()


async def test_a_delivery_without_an_id_ends_the_link(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    peer.say(Transfer(0, None, b"tag"), b"x")

    error = (await peer.hear(Detach)).error
    assert error is not None
    assert error.condition == "amqp:invalid-field"
    await peer.close()


async def test_credit_is_given_anew_at_its_half(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    for delivery_id in range(CREDIT // 2):
        peer.say(transfer(delivery_id, settled=True))

    flow = await peer.hear(Flow)
    assert (flow.delivery_count, flow.link_credit) == (CREDIT // 2, CREDIT)
    await peer.close()


async def test_a_sender_without_credit_is_heard_all_the_same(served: Served) -> None:
    # The SDK's sender believes whatever credit it gives itself (facts §1).
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow")
    for delivery_id in range(CREDIT + 100):
        peer.say(transfer(delivery_id))
    await eventually(lambda: len(served.memory.arrived) == CREDIT + 100)

    served.memory.gate.set()

    await peer.hear(Flow)
    await peer.hear(Flow)
    last = -1
    while last < CREDIT + 99:
        disposition = await peer.hear(Disposition)
        assert disposition.first == last + 1
        last = disposition.last or 0
    await peer.close()


async def test_the_senders_own_count_is_taken_over(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    peer.say(Flow(0, 10, 0, 10, 0, 70, 0, echo=True))

    flow = await peer.hear(Flow)
    assert (flow.handle, flow.delivery_count, flow.link_credit) == (0, 70, CREDIT)
    await peer.close()


async def test_outcomes_are_told_before_the_link_ends(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    peer.say(transfer(0), b"x")
    peer.say(Detach(0, True))

    assert await peer.hear(Disposition) == settled(0, 0)
    assert await peer.hear(Detach) == Detach(0, True)
    await peer.close()


async def test_a_node_can_detach_its_link(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    served.memory.inlets[0].inlet.detach(Error(LOCK_LOST, "over"))
    served.memory.inlets[0].inlet.detach(None)

    detach = await peer.hear(Detach)
    assert detach.error is not None
    assert detach.error.condition == LOCK_LOST
    await eventually(lambda: served.memory.ended == ["inlet orders"])
    await peer.close()
