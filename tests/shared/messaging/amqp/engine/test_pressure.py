from shared.messaging.amqp.codec.performatives import (
    SENDER,
    Attach,
    Detach,
    Disposition,
    Flow,
    Source,
    Target,
    Transfer,
)
from shared.messaging.amqp.engine.pressure import (
    MOST_BYTES,
    MOST_DELIVERIES,
    MOST_UNFINISHED,
    MOST_UNREAD,
)
from tests.clocks import settle
from tests.shared.messaging.amqp.memory_serving import Served, eventually
from tests.shared.messaging.amqp.peer import Peer, transfer

ONE_READ = 256 * 1024


async def hear_settled(peer: Peer, count: int) -> None:
    """Return when deliveries 0 to `count` - 1 are settled; flows may come between."""
    last = -1
    while last < count - 1:
        item = await peer.next()
        performative = getattr(item, "performative", None)
        if isinstance(performative, Disposition):
            last = performative.last or 0
        else:
            assert isinstance(performative, Flow), item


async def test_nothing_is_read_while_many_bytes_wait_for_their_outcome(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow")
    size, count = 10_000, 1000

    for delivery_id in range(count):
        peer.say(transfer(delivery_id), bytes(size))
    await eventually(lambda: len(served.memory.arrived) * size > MOST_BYTES)
    await settle(500)

    assert len(served.memory.arrived) * size <= MOST_BYTES + ONE_READ
    served.memory.gate.set()
    await hear_settled(peer, count)
    await peer.close()


async def test_nothing_is_read_while_many_deliveries_wait_for_their_outcome(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow")
    size, count = 500, 4000

    for delivery_id in range(count):
        peer.say(transfer(delivery_id), bytes(size))
    await eventually(lambda: len(served.memory.arrived) > MOST_DELIVERIES)
    await settle(500)

    assert len(served.memory.arrived) <= MOST_DELIVERIES + ONE_READ / size
    served.memory.gate.set()
    await hear_settled(peer, count)
    await peer.close()


async def test_nothing_is_read_of_a_peer_that_leaves_the_answers_unread(served: Served) -> None:
    peer = await Peer.begun(served.port)
    attach = Attach("n" * 50_000, 0, SENDER, source=Source("s"), target=Target("pending"))
    sent = 0

    # Each attach is refused by one of its own length. The sockets in between hold some megabytes.
    while peer.unsent < MOST_UNREAD:
        peer.say(attach)
        peer.say(Detach(0, True))
        sent += 1
        await settle(20)
        assert sent < 1000

    for _ in range(sent):
        assert (await peer.hear(Attach)).name == attach.name
        await peer.hear(Detach)
    await peer.close()


async def test_p10_a_delivery_beyond_what_may_be_unfinished_ends_its_link(served: Served) -> None:
    peer = await Peer.begun(served.port)
    part = bytes(60_000)
    last = MOST_UNFINISHED // len(part)
    for handle in range(last + 1):
        await peer.attach_sender("orders", handle=handle)
    for handle in range(last + 1):
        peer.say(transfer(handle, handle=handle, more=True), part)

    ended = await peer.hear(Detach)

    assert ended.error is not None
    assert (ended.handle, ended.error.condition) == (last, "amqp:resource-limit-exceeded")
    await peer.close()


async def test_what_is_finished_aborted_or_left_may_be_kept_of_others(served: Served) -> None:
    peer = await Peer.begun(served.port)
    part = bytes(60_000)
    for delivery_id in range(0, 6 * MOST_UNFINISHED // len(part), 3):
        await peer.attach_sender("orders")
        peer.say(transfer(delivery_id, more=True), part)
        peer.say(Transfer(0), part)
        await hear_settled(peer, delivery_id + 1)
        peer.say(transfer(delivery_id + 1, more=True), part)
        peer.say(Transfer(0, aborted=True))
        peer.say(transfer(delivery_id + 2, more=True), part)
        peer.say(Detach(0, True))
        assert (await peer.hear(Detach)).error is None
    await peer.close()
