"""Keeps an open connection alive for the peer, and closes it when the peer is not (AMQP 1.0 part 2, 2.4.5).

The peer is asked for half of what it is allowed, and told something three times as often as it asks for. No frame costs
a look at the clock: what is asked at a beat is whether there was any since the last one.
"""

from collections.abc import Callable
from datetime import timedelta

from shared.clock import NO_TIME
from shared.messaging.amqp.codec.faults import FORCED, INVALID_FIELD, ConnectionFaultError
from shared.messaging.amqp.codec.performatives import Error
from shared.messaging.amqp.engine.timer import Timer
from shared.messaging.amqp.engine.writer import EMPTY_FRAME, FrameWriter

IDLE_TIME_OUT = timedelta(seconds=120)
SILENT_AT_MOST = 2 * IDLE_TIME_OUT
SHORTEST_IDLE_TIME_OUT = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)


class Heartbeat:
    """`close` ends a connection that was silent for too long; `is_heard` is for the connection to set."""

    def __init__(self, timer: Timer, writer: FrameWriter, close: Callable[[Error], None]) -> None:
        self.is_heard = False
        self._timer = timer
        self._writer = writer
        self._close = close
        self._silence = NO_TIME
        self._interval = SILENT_AT_MOST / 4
        self._is_asked = False

    def begin(self, idle_time_out: int | None) -> None:
        """Beat from now on; `idle_time_out` is the peer's, in milliseconds. Raises ConnectionFaultError."""
        if idle_time_out:
            asked = idle_time_out * MILLISECOND
            if asked < SHORTEST_IDLE_TIME_OUT:
                raise ConnectionFaultError(
                    INVALID_FIELD, f"an idle-time-out of {idle_time_out} ms cannot be kept"
                )
            self._is_asked = True
            self._interval = min(self._interval, asked / 3)
        self._timer.arm(self._interval, self._beat)

    def _beat(self) -> None:
        self._silence = NO_TIME if self.is_heard else self._silence + self._interval
        self.is_heard = False
        if self._silence >= SILENT_AT_MOST:
            seconds = SILENT_AT_MOST.total_seconds()
            self._close(Error(FORCED, f"the connection was silent for {seconds:.0f} seconds"))
            return
        if self._is_asked and self._writer.is_quiet:
            self._writer.write(EMPTY_FRAME)
            self._writer.flush()
        self._writer.is_quiet = True
        self._timer.arm(self._interval, self._beat)
