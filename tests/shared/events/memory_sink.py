"""A sink in memory, proven by the contract, for tests of delivery."""

import asyncio
from collections.abc import Sequence

from shared.events.sink import (
    Delivered,
    Destination,
    Gone,
    HeldBack,
    Limits,
    NotDelivered,
    Outcome,
    OutgoingEvent,
)
from tests.contracts.event_sink import BUSY_FOR, Behaviour

OUTCOMES: dict[Behaviour, Outcome] = {
    Behaviour.TAKE: Delivered(),
    Behaviour.REFUSE: NotDelivered("HTTP 500"),
    Behaviour.BUSY: NotDelivered("HTTP 503", BUSY_FOR),
    Behaviour.GONE: Gone(),
    Behaviour.HANG_UP: NotDelivered("ServerDisconnectedError"),
    Behaviour.STAY_SILENT: NotDelivered("no answer within 15 s"),
}


class MemorySink:
    """Keeps what it takes; `most_at_once` is the largest number of sends that overlapped.

    `script` and `outcomes` say what becomes of single events, whatever becomes of the rest.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.attempts: list[str] = []
        self.most_at_once = 0
        self.limits = Limits(calls=8)
        self.script: dict[str, Behaviour] = {}
        self.outcomes: dict[str, Outcome] = {}
        self._behaviour = Behaviour.TAKE
        self._at_once = 0
        self._gate: asyncio.Event | None = None

    @property
    def sink(self) -> "MemorySink":
        return self

    def behave(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def hold(self) -> asyncio.Event:
        """Let no send end before the returned event is set."""
        self._gate = asyncio.Event()
        return self._gate

    def open(self, _destination: Destination) -> "MemorySink":
        return self

    async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
        results: list[Outcome] = []
        for event in events:
            is_held = self.limits.keeps_order and any(is_transient(one) for one in results)
            results.append(HeldBack() if is_held else await self._take(event.id, event.structured))
        return results

    async def _take(self, event_id: str, structured: bytes) -> Outcome:
        self.attempts.append(event_id)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._pass()
        finally:
            self._at_once -= 1
        outcome = self.outcomes.get(event_id, OUTCOMES[self.script.get(event_id, self._behaviour)])
        if outcome == Delivered():
            self.received.append((event_id, structured))
        return outcome

    async def _pass(self) -> None:
        if self._gate is not None:
            await self._gate.wait()
        else:
            await asyncio.wait_for(asyncio.get_running_loop().create_task(nothing()), None)


def is_transient(outcome: Outcome) -> bool:
    return isinstance(outcome, NotDelivered) and not outcome.is_permanent


async def nothing() -> None:
    """Give the other tasks a turn."""
