"""How much one peer may have us keep: beyond it nothing more is read from its socket.

Credit would do for a peer that heeds it; the SDK's sender does not (facts §1). Deliveries of which more is to come have
a bound of their own: not to read would never finish them.
"""

import asyncio

MOST_DELIVERIES = 2000
MOST_BYTES = 4 * 1024 * 1024
MOST_UNREAD = 4 * 1024 * 1024
MOST_UNFINISHED = 4 * 1024 * 1024


class Pressure:
    """Of deliveries whose outcome is not decided, and of answers that the peer does not read."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._deliveries = 0
        self._bytes = 0
        self._unfinished = 0
        self.is_reading = True

    def connected(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def disconnected(self) -> None:
        self._transport = None

    def begun(self, size: int) -> bool:
        """Keep so many bytes more of deliveries that are not whole; returns whether they are not too many now."""
        self._unfinished += size
        return self._unfinished <= MOST_UNFINISHED

    def finished(self, size: int) -> None:
        """So many bytes of a delivery that was not whole belong to one that is, or are given up."""
        self._unfinished -= size

    def arrived(self, size: int) -> None:
        """A delivery of `size` bytes is being decided."""
        self._deliveries += 1
        self._bytes += size
        self.check()

    def decided(self, size: int) -> None:
        self._deliveries -= 1
        self._bytes -= size
        if not self.is_reading:
            self.check()

    def check(self) -> None:
        """Stop or go on reading. It is gone on at half of what it was stopped at, lest it is done for each frame."""
        if self._transport is None or self._transport.is_closing():
            return
        share = max(
            self._deliveries / MOST_DELIVERIES,
            self._bytes / MOST_BYTES,
            self._transport.get_write_buffer_size() / MOST_UNREAD,
        )
        if self.is_reading and share > 1:
            self.is_reading = False
            self._transport.pause_reading()
        elif not self.is_reading and share <= 0.5:
            self.is_reading = True
            self._transport.resume_reading()
