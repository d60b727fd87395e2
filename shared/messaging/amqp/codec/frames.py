"""Frames (AMQP 1.0 part 2, 2.2 and 2.3; part 5, 5.3): what goes over the socket after the protocol headers."""

from dataclasses import dataclass
from struct import Struct

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.layouts import PERFORMATIVES, SASL_PERFORMATIVES
from shared.messaging.amqp.codec.performatives import Performative, SaslPerformative, Transfer

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
        frames: list[Frame | ProtocolHeader] = []
        at, there = 0, len(data)
        self._wanted = _HEAD.size
        while there - at >= _HEAD.size:
            size, offset, kind, channel = _HEAD.unpack_from(data, at)
            if size == _AMQP:
                size = _HEAD.size
                frames.append(ProtocolHeader(data[at : at + size]))
            else:
                self._check(size, offset, kind)
                if size > there - at:
                    self._wanted = size
                    break
                frames.append(_frame(kind, channel, data, (at + 4 * offset, at + size)))
            at += size
        if at < there:
            self._rest += data[at:]
        return frames

    def _check(self, size: int, offset: int, kind: int) -> None:
        if not 8 <= 4 * offset <= size <= self._max_frame_size or kind > SASL_FRAME:
            raise MalformedFrameError(
                f"a frame of type {kind}, {size} bytes of at most {self._max_frame_size}, its body at {4 * offset}",
                condition=FRAMING_ERROR,
            )


def _frame(kind: int, channel: int, data: bytes, body: tuple[int, int]) -> Frame:
    start, end = body
    if kind == SASL_FRAME:
        performative, at = SASL_PERFORMATIVES.decode(data, start)
    elif start == end:
        return Frame(channel, kind, None)
    else:
        performative, at = PERFORMATIVES.decode(data, start)
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
    kind, body = AMQP_FRAME, b""
    if performative is not None:
        kind = SASL_FRAME if performative in SASL_PERFORMATIVES else AMQP_FRAME
        body = (SASL_PERFORMATIVES if kind else PERFORMATIVES).write(performative)
    return _HEAD.pack(_HEAD.size + len(body) + len(payload), 2, kind, channel) + body + payload
