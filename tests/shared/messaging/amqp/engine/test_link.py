"""How links part: what a peer that detaches still waits for."""

import gc

from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    SENDER,
    Accepted,
    Attach,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Source,
    Target,
    Transfer,
)
from tests.shared.messaging.amqp.memory import LOCK_LOST
from tests.shared.messaging.amqp.memory_serving import Served, eventually
from tests.shared.messaging.amqp.peer import Peer, sender, transfer


def settled(first: int, last: int) -> Disposition:
    return Disposition(RECEIVER, first, last, True, Accepted())


async def test_a_peer_that_detaches_gets_the_outcomes_it_waits_for_first(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow", handle=0)
    await peer.attach_sender("orders", handle=1)
    peer.say(transfer(0, handle=0))
    peer.say(transfer(1, handle=0))
    peer.say(Detach(0, False))
    peer.say(transfer(2, handle=1))
    assert await peer.hear(Disposition) == settled(2, 2)

    served.memory.gate.set()

    assert await peer.hear(Disposition) == settled(0, 1)
    assert await peer.hear(Detach) == Detach(0, False)
    await peer.attach_sender("orders", handle=0)
    await peer.close()


async def test_a_handle_that_is_used_anew_is_not_waited_for(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow")
    peer.say(transfer(0))
    peer.say(Detach(0, True))

    peer.say(sender("orders"))

    assert await peer.hear(Detach) == Detach(0, True)
    assert (await peer.hear(Attach)).target == Target("orders")
    await peer.hear(Flow)
    served.memory.gate.set()
    await eventually(lambda: len(served.memory.messages.get("slow", ())) == 1)
    peer.say(transfer(1))
    assert await peer.hear(Disposition) == settled(1, 1)
    await peer.close()


async def test_nothing_more_is_sent_on_a_handle_that_was_detached(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow")
    peer.say(transfer(0))
    peer.say(Detach(0, True))

    peer.say(transfer(1))

    error = (await peer.hear(End)).error
    assert error is not None
    assert error.condition == "amqp:session:unattached-handle"
    served.memory.gate.set()
    await peer.close()


async def test_a_peer_that_detaches_gets_the_echoes_it_waits_for_first_and_no_more_messages(
    served: Served,
) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("slow", credit=10)
    served.memory.put("slow", b"x")
    await peer.hear(Transfer)
    node = served.memory.outlets[0]
    looks = node.looks

    peer.say(Disposition(RECEIVER, 0, state=Accepted()))
    peer.say(Detach(1, True))
    await eventually(lambda: node.looks > looks)
    assert node.outlet.credit == 0
    served.memory.put("slow", b"y")
    served.memory.gate.set()

    assert await peer.hear(Disposition) == Disposition(SENDER, 0, 0, True, Accepted())
    assert await peer.hear(Detach) == Detach(1, True)
    assert list(served.memory.messages["slow"]) == [b"y"]
    await peer.close()


async def test_a_node_can_end_a_link_that_waits_to_be_detached(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_receiver("slow", credit=10)
    served.memory.put("slow", b"x")
    await peer.hear(Transfer)
    peer.say(Disposition(RECEIVER, 0, state=Accepted()))
    peer.say(Detach(1, True))
    await eventually(lambda: served.memory.outlets[0].outlet.credit == 0)

    served.memory.outlets[0].outlet.detach(Error(LOCK_LOST, "over"))

    detach = await peer.hear(Detach)
    assert detach.error is not None
    assert detach.error.condition == LOCK_LOST
    await peer.attach_receiver("orders", handle=1)
    await peer.close()


async def test_p10_a_link_that_was_refused_keeps_nothing_of_its_attach(served: Served) -> None:
    peer = await Peer.begun(served.port)
    name = "n" * 50_000
    asked = Attach(name, 0, SENDER, source=Source("s"), target=Target("gone"))
    peer.say(asked)
    await peer.hear(Attach)
    await peer.hear(Detach)

    kept = [each for each in gc.get_objects() if isinstance(each, Attach) and each.name == name]

    assert [each for each in kept if each is not asked] == []
    await peer.close()
