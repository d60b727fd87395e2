import pytest

from shared.messaging.amqp.codec.frames import (
    AMQP_HEADER,
    SASL_HEADER,
    ProtocolHeader,
    encode_frame,
)
from shared.messaging.amqp.codec.performatives import (
    Close,
    Open,
    SaslCode,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    SaslResponse,
)
from shared.messaging.amqp.codec.values import Symbol
from tests.shared.messaging.amqp.memory_serving import Served
from tests.shared.messaging.amqp.peer import ANONYMOUS, Peer

TLS_HEADER = b"AMQP\x02\x01\x00\x00"


@pytest.mark.parametrize("mechanism", ["ANONYMOUS", "MSSBCBS"])
async def test_mechanisms_of_the_sdks_are_offered_and_taken(served: Served, mechanism: str) -> None:
    peer = await Peer.connected(served.port)
    peer.write(SASL_HEADER)

    assert await peer.next() == ProtocolHeader(SASL_HEADER)
    offered = await peer.hear(SaslMechanisms)
    peer.say(SaslInit(Symbol(mechanism)))

    assert mechanism in offered.sasl_server_mechanisms
    assert (await peer.hear(SaslOutcome)).code == SaslCode.OK
    await peer.leave()


@pytest.mark.parametrize("mechanism", ["PLAIN", "EXTERNAL", "anonymous", ""])
async def test_another_mechanism_is_refused_and_the_socket_closed(
    served: Served, mechanism: str
) -> None:
    peer = await Peer.connected(served.port)
    peer.write(SASL_HEADER)
    await peer.hear(SaslMechanisms)

    peer.say(SaslInit(Symbol(mechanism), b"\0user\0password"))

    assert (await peer.hear(SaslOutcome)).code == SaslCode.AUTH
    await peer.hear_end()


async def test_everything_may_be_sent_at_once(served: Served) -> None:
    peer = await Peer.connected(served.port)

    peer.write(SASL_HEADER + encode_frame(0, ANONYMOUS) + AMQP_HEADER)
    peer.say(Open("peer"))

    await peer.hear(SaslMechanisms)
    await peer.hear(SaslOutcome)
    await peer.hear(Open)
    await peer.leave()


@pytest.mark.parametrize(
    "first",
    [
        AMQP_HEADER,
        TLS_HEADER,
        b"AMQP\x03\x01\x01\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("16030100c0010000bc0303"),
        encode_frame(0, Open("peer")),
        encode_frame(0, ANONYMOUS),
    ],
    ids=["amqp", "tls", "version", "http", "hello", "open", "init"],
)
async def test_whoever_begins_with_anything_else_is_told_the_header_that_belongs_there(
    served: Served, first: bytes
) -> None:
    peer = await Peer.connected(served.port)

    peer.write(first)

    assert await peer.next() == ProtocolHeader(SASL_HEADER)
    await peer.hear_end()


@pytest.mark.parametrize(
    "second",
    [SASL_HEADER, TLS_HEADER, encode_frame(0, Open("peer")), encode_frame(0, Close()), b"\xff" * 8],
    ids=["sasl", "tls", "open", "close", "nonsense"],
)
async def test_after_sasl_only_the_header_of_amqp_will_do(served: Served, second: bytes) -> None:
    peer = await Peer.connected(served.port)
    peer.write(SASL_HEADER)
    peer.say(ANONYMOUS)
    await peer.hear(SaslMechanisms)
    await peer.hear(SaslOutcome)

    peer.write(second)

    assert await peer.next() == ProtocolHeader(AMQP_HEADER)
    await peer.hear_end()


async def test_a_response_nobody_asked_for_ends_the_handshake(served: Served) -> None:
    peer = await Peer.connected(served.port)
    peer.write(SASL_HEADER)
    await peer.hear(SaslMechanisms)

    peer.say(SaslResponse(b"x"), channel=0)

    await peer.hear_end()
