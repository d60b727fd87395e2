"""What clients of a broker were told, and what must be true of what it delivers, however often it dies."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from azure.servicebus import ServiceBusReceivedMessage


@dataclass
class Ledger:
    """Messages by their bodies: a client tries something, and is told that it is done or learns nothing."""

    tried: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    due: dict[str, datetime] = field(default_factory=dict)
    may_be_gone: set[str] = field(default_factory=set)
    """Whoever tried to complete or to cancel them may have been told that it is done."""
    gone: set[str] = field(default_factory=set)
    in_this_life: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)
    """Of the session's messages, in the order of their deliveries."""
    states: list[bytes | None] = field(default_factory=lambda: [None])
    """Those that the session may have: the last that was acknowledged, and what was tried since."""
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    def is_tried(self, *bodies: str) -> None:
        self.tried.update(bodies)

    async def is_sent(self, *bodies: str) -> None:
        self.sent.update(bodies)
        await self._tell()

    async def is_gone(self, body: str) -> None:
        """Its completion or cancelling was acknowledged."""
        self.gone.add(body)
        await self._tell()

    def receive(self, message: ServiceBusReceivedMessage, now: datetime) -> str:
        """Return the body of what may be delivered: sent by somebody, due, not gone, and nobody else's meanwhile."""
        body = str(message)
        assert body in self.tried
        assert body not in self.gone
        assert body not in self.in_this_life
        assert now >= self.due.get(body, now)
        self.in_this_life.add(body)
        return body

    def lost(self) -> set[str]:
        """Return what was acknowledged to its sender and is neither gone nor may be."""
        return self.sent - self.gone - self.may_be_gone

    async def more(self, *, sent: int, gone: int) -> None:
        """Wait until so many more were acknowledged."""
        enough = len(self.sent) + sent, len(self.gone) + gone
        async with self._told:
            await self._told.wait_for(
                lambda: len(self.sent) >= enough[0] and len(self.gone) >= enough[1]
            )

    async def _tell(self) -> None:
        async with self._told:
            self._told.notify_all()
