from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.frames import (
    AMQP_HEADER,
    SASL_HEADER,
    Frame,
    FrameReader,
    ProtocolHeader,
    encode_frame,
)
from shared.messaging.amqp.codec.performatives import (
    Accepted,
    Begin,
    Close,
    Detach,
    Disposition,
    Flow,
    Open,
    SaslInit,
    Transfer,
)
from shared.messaging.amqp.codec.values import Symbol
from tests.shared.messaging.amqp.performative_values import PERFORMATIVES

LARGEST = 4096

STREAM = b"".join(
    (
        SASL_HEADER,
        encode_frame(0, SaslInit(Symbol("ANONYMOUS"))),
        AMQP_HEADER,
        encode_frame(0, Open("client")),
        encode_frame(1, Begin(None, 0, 10, 10)),
        encode_frame(0, None),
        encode_frame(1, Transfer(0, 0, b"tag", 0), b"payload"),
        encode_frame(1, Disposition(True, 0, None, True, Accepted())),
        encode_frame(0, Close()),
    )
)


def reader() -> FrameReader:
    return FrameReader(max_frame_size=LARGEST)


def test_headers_and_frames_come_in_their_order() -> None:
    read = reader().feed(STREAM)

    assert read == [
        ProtocolHeader(SASL_HEADER),
        Frame(0, 1, SaslInit(Symbol("ANONYMOUS"))),
        ProtocolHeader(AMQP_HEADER),
        Frame(0, 0, Open("client")),
        Frame(1, 0, Begin(None, 0, 10, 10)),
        Frame(0, 0, None),
        Frame(1, 0, Transfer(0, 0, b"tag", 0), b"payload"),
        Frame(1, 0, Disposition(True, 0, None, True, Accepted())),
        Frame(0, 0, Close()),
    ]
    assert [item.protocol for item in read if isinstance(item, ProtocolHeader)] == [3, 0]


@pytest.mark.parametrize("cut", range(1, len(STREAM)))
def test_a_stream_may_be_cut_anywhere(cut: int) -> None:
    whole, parted = reader(), reader()

    frames = [*parted.feed(STREAM[:cut]), *parted.feed(STREAM[cut:])]

    assert frames == whole.feed(STREAM)


def test_a_stream_may_come_byte_by_byte() -> None:
    parted = reader()

    frames = [frame for octet in STREAM for frame in parted.feed(bytes((octet,)))]

    assert frames == reader().feed(STREAM)


def test_an_extended_header_is_passed_over() -> None:
    data = bytes.fromhex("00000014 03 00 0001 deadbeef 00 53 16 c0 03 02 43 41")

    (frame,) = reader().feed(data)

    assert frame == Frame(1, 0, Detach(0, True))


MALFORMED_FRAMES = {
    "a frame of 7 bytes": "00000007 02 00 0000",
    "a body that begins in the frame header": "00000008 01 00 0000",
    "a body that begins after the frame": "00000008 03 00 0000",
    "a frame larger than the maximum": "00001001 02 00 0000",
    "a frame of 4 GB": "ffffffff 02 00 0000",
    "HTTP": b"GET / HTTP/1.1\r\n".hex(),
    "TLS": "160301020001 0001fc 03 03",
    "a frame of another type": "0000000c 02 02 0000 00 53 17 45",
    "an empty frame of SASL with a body of nothing": "00000009 02 01 0000 40",
    "a detach with a payload": "00000012 02 00 0000 00 53 16 c0 02 01 43 ff ff ff",
    "a detach that ends after its frame": "0000000e 02 00 0000 00 53 16 c0 02 01 43",
}


@pytest.mark.parametrize("octets", MALFORMED_FRAMES.values(), ids=MALFORMED_FRAMES)
def test_what_is_no_frame_is_refused(octets: str) -> None:
    with pytest.raises(MalformedFrameError) as refusal:
        reader().feed(bytes.fromhex(octets))

    assert refusal.value.condition in ("amqp:connection:framing-error", "amqp:decode-error")


@pytest.mark.parametrize(
    ("octets", "condition"),
    [
        ("00000007 02 00 0000", "amqp:connection:framing-error"),
        ("0000000c 02 00 0000 00 53 16 45", "amqp:decode-error"),
    ],
)
def test_a_refusal_says_whether_frame_or_content_is_malformed(octets: str, condition: str) -> None:
    with pytest.raises(MalformedFrameError) as refusal:
        reader().feed(bytes.fromhex(octets))

    assert refusal.value.condition == condition


def test_a_frame_as_large_as_may_be_is_read() -> None:
    frame = encode_frame(0, Transfer(0), b"")
    frame = encode_frame(0, Transfer(0), bytes(LARGEST - len(frame)))

    assert len(reader().feed(frame)) == 1
    with pytest.raises(MalformedFrameError):
        reader().feed(encode_frame(0, Transfer(0), bytes(LARGEST)))


@given(st.lists(st.binary(max_size=60), max_size=5))
@example([b"\x00\x00\x00\x10\x02\x00\x00\x00" + b"\x00" * 8])
def test_bytes_of_anybody_are_frames_or_refused(parts: list[bytes]) -> None:
    framed = reader()

    with suppress(MalformedFrameError):
        for part in parts:
            framed.feed(part)


@given(PERFORMATIVES, st.binary(max_size=10), st.data())
def test_a_damaged_frame_is_another_or_refused(
    performative: Any, payload: bytes, data: st.DataObject
) -> None:
    frame = bytearray(encode_frame(0, performative))
    position = data.draw(st.integers(4, len(frame) - 1))
    frame[position] = data.draw(st.integers(0, 255))

    with suppress(MalformedFrameError):
        reader().feed(bytes(frame) + payload)


@given(PERFORMATIVES, st.data())
def test_a_body_that_ends_early_is_refused(performative: Any, data: st.DataObject) -> None:
    whole = encode_frame(0, performative)
    cut = data.draw(st.integers(9, len(whole) - 1))

    with pytest.raises(MalformedFrameError):
        FrameReader(max_frame_size=1_000_000).feed(cut.to_bytes(4) + whole[4:cut])


FLOWS = [
    Flow(None, 1, 2, 3),
    Flow(0, 2**32 - 1, 256, 255, 0, 0, 0, 0, True, False, {}),
    Flow(1, 2, 3, 4, 5, 6, 7, None, False, True),
]
TRANSFERS = [
    Transfer(0),
    Transfer(255, 256, b"", 0x80013700, True, True, 0, Accepted(), False, False, True),
    Transfer(2**32 - 1, 0, b"\x00" * 32, 0, False, False),
]
DISPOSITIONS = [
    Disposition(True, 0, 0, True, Accepted()),
    Disposition(False, 2**32 - 1, None, False, None, True),
]


@pytest.mark.parametrize(
    "performative", [*FLOWS, *TRANSFERS, *DISPOSITIONS], ids=lambda value: repr(value)[:40]
)
def test_the_frames_of_traffic_come_back(performative: Any) -> None:
    (frame,) = reader().feed(encode_frame(3, performative))

    assert frame == Frame(3, 0, performative)
