"""What a link has delivered and the peer has not settled, until the locks end.

A client that knows its lock to be lost settles no more, and a session of AMQP takes only so many unsettled deliveries.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shared.clock import Clock, from_microseconds
from shared.messaging.embedded.envelope import Delivery
from shared.messaging.embedded.timer import DueTimer

# A client whose clock is behind is still told that its lock is lost.
AFTER_LOCK = timedelta(minutes=1)

StillLocked = Callable[[Sequence[UUID]], Awaitable[Collection[UUID]]]


class Unsettled:
    """Looks for locks that have ended; a lock that was renewed is looked for again later."""

    def __init__(
        self,
        clock: Clock,
        still_locked: StillLocked,
        forget: Callable[[Collection[bytes]], None],
    ) -> None:
        self._clock = clock
        self._still_locked = still_locked
        self._forget = forget
        self._looked_for: dict[UUID, datetime] = {}
        self._timer = DueTimer(clock, self._look)

    def add(self, delivery: Delivery) -> None:
        instant = from_microseconds(delivery.locked_until) + AFTER_LOCK
        self._looked_for[delivery.lock_token] = instant
        self._timer.arm(instant)

    def discard(self, token: UUID) -> None:
        self._looked_for.pop(token, None)

    async def close(self) -> None:
        await self._timer.close()

    async def _look(self) -> datetime | None:
        now = self._clock.now()
        due = [token for token, instant in self._looked_for.items() if instant <= now]
        locked = set(await self._still_locked(due))
        for token in due:
            if token in locked:
                self._looked_for[token] = now + AFTER_LOCK
            else:
                self.discard(token)
        self._forget({token.bytes_le for token in due if token not in locked})
        return min(self._looked_for.values(), default=None)
