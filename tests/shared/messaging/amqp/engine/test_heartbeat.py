from datetime import timedelta

from shared.messaging.amqp.codec.frames import Frame
from shared.messaging.amqp.codec.performatives import Close, Open
from shared.messaging.amqp.engine.heartbeat import IDLE_TIME_OUT, SILENT_AT_MOST
from shared.messaging.amqp.engine.writer import EMPTY_FRAME
from tests.shared.messaging.amqp.memory_serving import Served, eventually
from tests.shared.messaging.amqp.peer import Peer, transfer

SECOND = timedelta(seconds=1)


async def test_a_peer_gets_empty_frames_as_often_as_it_asks_for(served: Served) -> None:
    peer = await Peer.opened(served.port, Open("peer", idle_time_out=30_000))

    await served.clock.advance(20 * SECOND)

    empty = await peer.next()
    assert isinstance(empty, Frame)
    assert empty.performative is None
    await peer.close()


async def test_no_empty_frame_follows_another_frame(served: Served) -> None:
    peer = await Peer.begun(served.port, Open("peer", idle_time_out=30_000))
    await served.clock.advance(10 * SECOND)  # what was sent until here keeps the connection alive

    await peer.attach_sender("orders")
    await served.clock.advance(10 * SECOND)

    await peer.close()
    assert peer.empty_frames == 0


async def test_a_peer_that_is_silent_for_twice_what_it_was_asked_is_closed(served: Served) -> None:
    peer = await Peer.opened(served.port)

    await served.clock.advance(SILENT_AT_MOST - SECOND)
    assert served.server.connections == 1
    await served.clock.advance(IDLE_TIME_OUT)

    error = (await peer.hear(Close)).error
    assert error is not None
    assert (error.condition, error.description) == (
        "amqp:connection:forced",
        "the connection was silent for 240 seconds",
    )
    await peer.leave()


async def test_empty_frames_of_the_peer_keep_the_connection(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("orders")

    for number in range(20):
        peer.write(EMPTY_FRAME)
        peer.say(transfer(number, settled=True))  # so that it is known when it has been heard
        await eventually(lambda: len(served.memory.arrived) > number)  # noqa: B023
        await served.clock.advance(IDLE_TIME_OUT)

    await peer.close()
