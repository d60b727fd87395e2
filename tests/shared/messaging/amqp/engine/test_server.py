import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

from shared.clock import SystemClock
from shared.development_certificates import create_development_certificates
from shared.messaging.amqp.codec.performatives import Close, Disposition, Open, Transfer
from shared.messaging.amqp.engine.connection import CLOSE_WITHIN
from shared.messaging.amqp.engine.server import END_WITHIN, AmqpServer
from tests.clocks import FakeClock, settle
from tests.shared.messaging.amqp.memory import Memory, describe
from tests.shared.messaging.amqp.memory_serving import Served, eventually, serving
from tests.shared.messaging.amqp.peer import Peer, transfer

SECOND = timedelta(seconds=1)


async def test_one_connection_too_many_is_told_so_once_it_is_open() -> None:
    async with serving(max_connections=2) as served:
        good = [await Peer.begun(served.port) for _ in range(2)]
        late = await Peer.connected(served.port)
        await late.shake_hands()

        late.say(Open("late"))

        await late.hear(Open)
        error = (await late.hear(Close)).error
        assert error is not None
        assert error.condition == "amqp:resource-limit-exceeded"
        late.say(Close())
        await late.hear_end()
        await good[0].close()
        await eventually(lambda: served.server.connections == 1)
        await (await Peer.opened(served.port)).close()
        await good[1].close()


async def test_connections_that_do_not_open_are_cut_off_beyond_twice_the_limit() -> None:
    async with serving(max_connections=2) as served:
        waiting = [await Peer.connected(served.port) for _ in range(4)]
        await eventually(lambda: served.server.connections == 4)

        await (await Peer.connected(served.port)).hear_end()

        await eventually(lambda: served.server.connections == 4)
        for peer in waiting:
            await peer.leave()


async def test_closing_tells_every_peer_and_returns_when_all_have_left(served: Served) -> None:
    peers = [await Peer.begun(served.port) for _ in range(3)]
    await peers[0].attach_sender("orders")
    unopened = await Peer.connected(served.port)
    await eventually(lambda: served.server.connections == 4)

    closing = asyncio.create_task(served.server.close())

    await unopened.hear_end()
    for peer in peers:
        error = (await peer.hear(Close)).error
        assert error is not None
        assert error.condition == "amqp:connection:forced"
        peer.say(Close())
        await peer.hear_end()
    await closing
    assert served.server.connections == 0
    assert served.memory.ended.count("nodes") == 3


async def test_closing_waits_for_what_a_node_is_doing_but_not_for_ever() -> None:
    memory, clock = Memory(), FakeClock()
    server = AmqpServer(memory.nodes, describe, clock)
    peer = await Peer.begun(await server.start("127.0.0.1", 0))
    await peer.attach_sender("slow")
    peer.say(transfer(0), b"x")
    await eventually(lambda: len(memory.arrived) == 1)

    closing = asyncio.create_task(server.close())
    await settle()
    assert CLOSE_WITHIN <= SECOND, "clients that do not answer would hold up whoever stops a broker"
    await clock.advance(CLOSE_WITHIN)  # the peer does not answer
    await peer.hear(Close)
    await peer.hear_end()
    await eventually(lambda: server.connections == 1)
    await clock.advance(END_WITHIN - SECOND)
    assert not closing.done()
    await clock.advance(SECOND)

    await closing
    assert (server.connections, memory.messages) == (0, {})


async def test_what_has_arrived_is_taken_although_the_peer_has_left(served: Served) -> None:
    peer = await Peer.begun(served.port)
    await peer.attach_sender("slow")
    peer.say(transfer(0), b"x")
    await eventually(lambda: len(served.memory.arrived) == 1)
    await peer.leave()

    served.memory.gate.set()

    await eventually(lambda: served.server.connections == 0)
    assert list(served.memory.messages["slow"]) == [b"x"]


async def test_tls_serves_the_same(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=SystemClock().now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server)
    memory = Memory()
    server = AmqpServer(memory.nodes, describe, SystemClock())
    port = await server.start("127.0.0.1", 0, context)
    trusting = ssl.create_default_context(cafile=str(files.authority))
    peer = await Peer.connected(port, ssl=trusting)

    await peer.begin()
    await peer.attach_sender("orders")
    await peer.attach_receiver("orders", credit=1)
    payload = bytes(200_000)
    for part in range(4):
        peer.say(transfer(0, more=part < 3), payload[part * 50_000 : (part + 1) * 50_000])

    received = b""
    while len(received) < len(payload):
        received += (await peer.hear_frame(Transfer))[1]
    await peer.hear(Disposition)
    assert received == payload
    await peer.close()
    await server.close()
