"""One connection (AMQP 1.0 part 2, 2.4): from the first byte of a peer to the last.

Stages go one way. HANDSHAKE is protocol headers and SASL; OPENING waits for the peer's open; in CLOSING our close has
been sent and nothing but the peer's is of interest; CLOSED is without a socket. Whatever goes wrong is told by a close
with a condition where there is a way to, and ends no more than the connection.

One timer serves all stages: a peer that does not get to OPEN, or out of CLOSING, is cut off; in between it is the
heartbeat's.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import cast

from shared.clock import Clock
from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.faults import (
    FRAMING_ERROR,
    ILLEGAL_STATE,
    INTERNAL_ERROR,
    INVALID_FIELD,
    RESOURCE_LIMIT_EXCEEDED,
    ConnectionFaultError,
)
from shared.messaging.amqp.codec.frames import SMALLEST_MAXIMUM, Frame, FrameReader, ProtocolHeader
from shared.messaging.amqp.codec.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Open,
    Transfer,
)
from shared.messaging.amqp.engine.channel import Channel
from shared.messaging.amqp.engine.heartbeat import IDLE_TIME_OUT, MILLISECOND, Heartbeat
from shared.messaging.amqp.engine.link import Link
from shared.messaging.amqp.engine.node import DescribeError, NewNodes
from shared.messaging.amqp.engine.pressure import Pressure
from shared.messaging.amqp.engine.runner import Runner
from shared.messaging.amqp.engine.sasl import Handshake, RefusedError
from shared.messaging.amqp.engine.session import Session, Surroundings
from shared.messaging.amqp.engine.timer import Timer
from shared.messaging.amqp.engine.writer import FrameWriter

logger = logging.getLogger(__name__)

CONTAINER = "tocsin"
MAX_FRAME_SIZE = 65_536
CHANNEL_MAX = 999
MOST_LINKS = 1000
OPEN_WITHIN = timedelta(seconds=30)
CLOSE_WITHIN = timedelta(seconds=1)


class Stage(IntEnum):
    """Where a connection is; never goes back."""

    HANDSHAKE = 0
    OPENING = 1
    OPEN = 2
    CLOSING = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What connections are given by their server.

    `admit` is asked by one that has a socket, and `has_room` by one that is to be open; `left` is told of the task that
    ends what is left of one without a socket.
    """

    clock: Clock
    new_nodes: NewNodes
    describe: DescribeError
    max_message_size: int
    admit: Callable[["Connection"], bool]
    has_room: Callable[[], bool]
    left: Callable[["Connection", "asyncio.Task[None]"], None]


class Connection(asyncio.Protocol):
    """The server's side of one socket; for its nodes it is the `Peer`."""

    def __init__(self, terms: Terms) -> None:
        self.stage = Stage.HANDSHAKE
        self.hostname: str | None = None
        self._terms = terms
        self._transport: asyncio.Transport | None = None
        self._writer = FrameWriter()
        self._pressure = Pressure()
        self._runner = Runner(terms.describe)
        self._timer = Timer(terms.clock)
        self._handshake = Handshake(self._writer.write)
        self._reader = FrameReader(max_frame_size=MAX_FRAME_SIZE)
        self._heartbeat = Heartbeat(self._timer, self._writer, self.close)
        self._is_deaf = False
        self._peer_channel_max = CHANNEL_MAX
        self._peer_max_frame_size = SMALLEST_MAXIMUM
        self._surroundings: Surroundings | None = None
        self._sessions: dict[int, Session] = {}
        self._ending: asyncio.Task[None] | None = None

    def close(self, error: Error | None) -> None:
        """End the connection and say why; nothing if it is ending."""
        if self.stage is Stage.HANDSHAKE:
            self._drop()
        elif self.stage < Stage.CLOSING:
            if self.stage is Stage.OPENING:
                self._send_open()
            self._end()
            self._writer.flush()  # outcomes that have been decided come before the close
            self._writer.send(0, Close(error))
            self.stage = Stage.CLOSING
            self._timer.arm(CLOSE_WITHIN, self._abort)

    def cancel(self) -> None:
        """Have everything end that the connection still waits for."""
        self._runner.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._writer.connected(self._transport)
        self._pressure.connected(self._transport)
        if self._terms.admit(self):
            self._timer.arm(OPEN_WITHIN, self._abort)
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heartbeat.is_heard = True
        if self._is_deaf:
            return
        self._writer.hold()
        try:
            self._read(data)
        except RefusedError:
            self._drop()
        except MalformedFrameError as fault:
            self._is_deaf = True
            self.close(Error(fault.condition, fault.message))
        except ConnectionFaultError as fault:
            self.close(fault.error)
        except Exception:  # a bug here must not end the other connections
            logger.exception("an AMQP connection failed", extra={"action": "amqp_connection"})
            self.close(Error(INTERNAL_ERROR, "the connection failed; the server's log says more"))
        self._writer.flush()
        self._pressure.check()

    def pause_writing(self) -> None:
        self._writer.is_paused = True

    def resume_writing(self) -> None:
        self._writer.is_paused = False
        self._pressure.check()
        for session in self._sessions.values():
            session.credited()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stage = Stage.CLOSED
        self._timer.disarm()
        self._writer.disconnected()
        self._pressure.disconnected()
        self._transport = None
        self._terms.left(self, self._end())

    def _read(self, data: bytes) -> None:
        try:
            items = self._reader.feed(data)
        except MalformedFrameError:
            if self.stage is Stage.HANDSHAKE:
                self._handshake.refuse()
            raise
        for item in items:
            if self.stage is Stage.HANDSHAKE:
                self._handshake.receive(item)
                self.stage = Stage.OPENING if self._handshake.is_done else Stage.HANDSHAKE
            elif isinstance(item, ProtocolHeader):
                raise ConnectionFaultError(FRAMING_ERROR, "a protocol header among the frames")
            else:
                self._receive(item)

    def _receive(self, frame: Frame) -> None:
        performative = frame.performative
        if performative is None:
            return
        if self.stage >= Stage.CLOSING:
            if isinstance(performative, Close):
                self._drop()
            return
        match performative:
            case Open():
                self._open(performative)
            case Close():
                self.close(None)
                self._drop()
            case _ if self.stage is not Stage.OPEN:
                raise ConnectionFaultError(ILLEGAL_STATE, "the first frame must be an open")
            case Begin():
                self._begin(frame.channel, performative)
            case End():
                self._session(frame.channel).ended()
                del self._sessions[frame.channel]
            case Attach() | Flow() | Transfer() | Disposition() | Detach():
                self._session(frame.channel).receive(performative, frame.payload)
            case _:
                raise ConnectionFaultError(FRAMING_ERROR, "a frame of SASL after its outcome")

    def _open(self, opening: Open) -> None:
        if self.stage is not Stage.OPENING:
            raise ConnectionFaultError(ILLEGAL_STATE, "the connection is open already")
        max_frame_size = MAX_FRAME_SIZE
        if opening.max_frame_size is not None:
            max_frame_size = min(max_frame_size, opening.max_frame_size)
        if max_frame_size < SMALLEST_MAXIMUM:
            raise ConnectionFaultError(INVALID_FIELD, f"a max-frame-size below {SMALLEST_MAXIMUM}")
        if not self._terms.has_room():
            raise ConnectionFaultError(RESOURCE_LIMIT_EXCEEDED, "there are too many connections")
        self._heartbeat.begin(opening.idle_time_out)
        self._peer_max_frame_size = max_frame_size
        if opening.channel_max is not None:
            self._peer_channel_max = min(CHANNEL_MAX, opening.channel_max)
        self.hostname = opening.hostname.lower() if opening.hostname else None
        self._surroundings = Surroundings(
            nodes=self._terms.new_nodes(self),
            runner=self._runner,
            pressure=self._pressure,
            max_message_size=self._terms.max_message_size,
            may_attach=self._may_attach,
        )
        self._send_open()
        self.stage = Stage.OPEN

    def _send_open(self) -> None:
        self._writer.send(
            0,
            Open(
                CONTAINER,
                max_frame_size=MAX_FRAME_SIZE,
                channel_max=CHANNEL_MAX,
                idle_time_out=IDLE_TIME_OUT // MILLISECOND,
            ),
        )

    def _begin(self, number: int, begin: Begin) -> None:
        # The answer goes out on the same number.
        if number > self._peer_channel_max:
            raise ConnectionFaultError(
                FRAMING_ERROR, f"channel {number} is above {self._peer_channel_max}"
            )
        assert self._surroundings is not None
        if number in self._sessions:
            raise ConnectionFaultError(ILLEGAL_STATE, f"channel {number} has a session already")
        channel: Channel[Link] = Channel(
            number, begin, self._writer, max_frame_size=self._peer_max_frame_size
        )
        self._sessions[number] = Session(begin, channel, self._surroundings)
        self._sessions[number].begin(number)

    def _session(self, number: int) -> Session:
        session = self._sessions.get(number)
        if session is None:
            raise ConnectionFaultError(ILLEGAL_STATE, f"channel {number} has no session")
        return session

    def _may_attach(self) -> bool:
        return sum(session.links for session in self._sessions.values()) < MOST_LINKS

    def _drop(self) -> None:
        """Close the socket after what is written."""
        self._writer.flush()
        if self._transport is not None:
            self._transport.close()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _end(self) -> "asyncio.Task[None]":
        """Let go of everything but the socket."""
        if self._ending is None:
            for session in self._sessions.values():
                session.end()
            self._sessions.clear()
            self._ending = asyncio.get_running_loop().create_task(self._tell_nodes())
        return self._ending

    async def _tell_nodes(self) -> None:
        await self._runner.all_ended()
        if self._surroundings is not None:
            self._runner.end(self._surroundings.nodes.ended())
        await self._runner.drain()
