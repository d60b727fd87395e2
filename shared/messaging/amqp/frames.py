"""Frames (AMQP 1.0 part 2, 2.2 and 2.3; part 5, 5.3): what goes over the socket after the protocol headers."""

from dataclasses import dataclass
from struct import Struct

from shared.errors import MalformedFrameError
from shared.messaging.amqp.layouts import PERFORMATIVES, SASL_PERFORMATIVES
from shared.messaging.amqp.performatives import Performative, SaslPerformative, Transfer

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"

AMQP_FRAME = 0
SASL_FRAME = 1

SMALLEST_MAXIMUM = 512
FRAMING_ERROR = "amqp:connection:framing-error"

_HEAD = Struct(">IBBH")
_AMQP = int.from_bytes(b"AMQP")


@dataclass(frozen=True, slots=True)
class ProtocolHeader:
    """What a peer opens a layer with: protocol 0 is AMQP, 2 is TLS, 3 is SASL; ours are AMQP_HEADER and SASL_HEADER."""

    octets: bytes

    @property
    def protocol(self) -> int:
        return self.octets[4]


@dataclass(slots=True)
class Frame:
    """`performative` is None in an empty frame, which keeps the connection alive; only transfers have a payload."""

    channel: int
    type: int
    performative: Performative | SaslPerformative | None
    payload: bytes = b""


class FrameReader:
    """Cuts what arrives into frames, wherever the network has cut it.

    Protocol headers are found among the frames, in their place: a peer may send everything up to its first transfer
    without waiting for an answer (2.4.1, pipelined open). As a frame's size `AMQP` is beyond any maximum.
    """

    def __init__(self, *, max_frame_size: int) -> None:
        self._max_frame_size = max_frame_size
        self._rest = bytearray()
        self._wanted = _HEAD.size

    def feed(self, data: bytes) -> list[Frame | ProtocolHeader]:
        """Return what is complete. Raises MalformedFrameError, after which nothing more can be read."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        frames, at = [], 0
        while len(data) - at >= _HEAD.size:
            end = at + self._size(data, at)
            if end > len(data):
                self._wanted = end - at
                break
            frames.append(_item(data, at, end))
            at = end
        else:
            self._wanted = _HEAD.size
        self._rest += data[at:]
        return frames

    def _size(self, data: bytes, at: int) -> int:
        size, offset, _, _ = _HEAD.unpack_from(data, at)
        if size == _AMQP:
            return _HEAD.size
        if not 4 * offset <= size <= self._max_frame_size or offset < 2:
            raise MalformedFrameError(
                f"a frame of {size} bytes with its body at {4 * offset}; the maximum is {self._max_frame_size}",
                condition=FRAMING_ERROR,
            )
        return int(size)


def _item(data: bytes, start: int, end: int) -> Frame | ProtocolHeader:
    size, offset, kind, channel = _HEAD.unpack_from(data, start)
    if size == _AMQP:
        return ProtocolHeader(data[start:end])
    if kind > SASL_FRAME:
        raise MalformedFrameError(f"a frame of type {kind}", condition=FRAMING_ERROR)
    body = start + 4 * offset
    if kind == SASL_FRAME:
        performative, at = SASL_PERFORMATIVES.decode(data, body)
    elif body == end:
        return Frame(channel, kind, None)
    else:
        performative, at = PERFORMATIVES.decode(data, body)
    if at > end or (at < end and type(performative) is not Transfer):
        raise MalformedFrameError(
            f"a {type(performative).__name__.lower()} ends {at - end} bytes after its frame",
            condition=FRAMING_ERROR,
        )
    return Frame(channel, kind, performative, data[at:end])


def encode_frame(
    channel: int, performative: Performative | SaslPerformative | None, payload: bytes = b""
) -> bytes:
    """A frame without a performative is an empty one."""
    kind = AMQP_FRAME
    if performative is None:
        body = b""
    elif performative in PERFORMATIVES:
        body = PERFORMATIVES.write(performative)
    else:
        kind, body = SASL_FRAME, SASL_PERFORMATIVES.write(performative)
    return _HEAD.pack(_HEAD.size + len(body) + len(payload), 2, kind, channel) + body + payload
