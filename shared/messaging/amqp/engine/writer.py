"""What a connection writes: all frames of one turn of the event loop in one piece.

Each frame of its own would be a system call and, with TCP_NODELAY, a packet.
"""

import asyncio
from collections.abc import Callable

from shared.messaging.amqp.codec.frames import encode_frame
from shared.messaging.amqp.codec.performatives import Performative, SaslPerformative

AT_ONCE = 256 * 1024
HIGH_WATER = 256 * 1024
EMPTY_FRAME = encode_frame(0, None)


class FrameWriter:
    """Gathers frames until the turn ends or they are many.

    `at_flush` is for what is cheaper said once than at each cause: it is asked for its frames just before they go.
    `is_paused` while the peer does not read; what is written nonetheless is kept.
    """

    def __init__(self) -> None:
        self.is_paused = False
        self.is_quiet = True
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._at_flush: list[Callable[[], None]] = []
        self._is_flush_due = False

    def connected(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self._transport = transport

    def disconnected(self) -> None:
        """Drop what is there, and from now on what comes."""
        self._transport = None
        self._pieces.clear()
        self._size = 0
        self._at_flush.clear()

    def hold(self) -> None:
        """Wait for the `flush` that will come before this turn ends."""
        self._is_flush_due = True

    def send(
        self, channel: int, performative: Performative | SaslPerformative, payload: bytes = b""
    ) -> None:
        self.write(encode_frame(channel, performative, payload))

    def write(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= AT_ONCE:
            self._write_out()
        else:
            self._schedule()

    def at_flush(self, callback: Callable[[], None]) -> None:
        """Call it once, before the next flush."""
        if self._transport is not None:
            self._at_flush.append(callback)
            self._schedule()

    def flush(self) -> None:
        # What the callbacks write needs no flush of its own.
        self._is_flush_due = True
        while self._at_flush:
            callbacks, self._at_flush = self._at_flush, []
            for callback in callbacks:
                callback()
        self._is_flush_due = False
        self._write_out()

    def _schedule(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self.flush)

    def _write_out(self) -> None:
        if self._pieces and self._transport is not None:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self.is_quiet = False
            self._transport.write(data)
