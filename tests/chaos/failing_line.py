"""The Scheduler service at the end of a line that fails, and the clock by which requests and answers are late."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from weakref import WeakKeyDictionary

from shared.client.memory import Message
from tests.clocks import FakeClock
from tests.shared.connector.servers import Receive, Send
from tests.shared.scheduler.scheduler_stack import Stack

REPEATABLE = b"repeatability-"
REQUEST_ID = b"repeatability-request-id"


class Kind(Enum):
    """A request is refused or lost before anything was done; done and not answered, or wrongly; or takes its time."""

    BUSY = auto()
    LOST = auto()
    UNANSWERED = auto()
    FAILS_AFTER = auto()
    ARRIVES_LATE = auto()
    ANSWERED_LATE = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request; what is late is so by `seconds`."""

    kind: Kind
    seconds: int


NOTHING_DONE = frozenset({Kind.BUSY, Kind.LOST})
LATE = (Kind.ARRIVES_LATE, Kind.ANSWERED_LATE)


class StormClock(FakeClock):
    """A clock that knows who waits for it to move; whoever waits for them needs not wait so long."""

    def __init__(self) -> None:
        super().__init__()
        self._held: WeakKeyDictionary[asyncio.Task[Any], asyncio.Event] = WeakKeyDictionary()

    async def sleep_until(self, instant: datetime) -> None:
        if instant > self.now():
            self.hold()
        await super().sleep_until(instant)

    async def sleep(self, duration: timedelta) -> None:
        if duration > timedelta():
            self.hold()
        await super().sleep(duration)

    def hold(self) -> None:
        """The present task waits for a later time."""
        task = asyncio.current_task()
        assert task is not None
        self._held.setdefault(task, asyncio.Event()).set()

    async def until_held(self, task: "asyncio.Task[Any]") -> None:
        """Wait until a task waits for a later time, or is over."""
        held = asyncio.ensure_future(self._held.setdefault(task, asyncio.Event()).wait())
        await asyncio.wait({task, held}, return_when=asyncio.FIRST_COMPLETED)
        held.cancel()


class FailingLine:
    """A fault strikes the first request that it can; a read where nothing is done either way.

    `spares` says which operations are left alone, by their ids. A service that does not recognise repeats gets no
    headers by which it could, and nothing late: nobody could keep that from undoing what came after it.
    """

    def __init__(
        self, stack: Stack, *, recognises_repeats: bool, spares: Callable[[str], bool]
    ) -> None:
        assert isinstance(stack.clock, StormClock)
        self._stack = stack
        self._clock = stack.clock
        self._spares = spares
        self.recognises_repeats = recognises_repeats
        self.faults: list[Fault] = []
        self.under_way: set[asyncio.Future[None]] = set()
        """What is late; it comes even if whoever sent it is dead by then."""
        self.asked: set[str] = set()
        """Whose changes were asked for, by the ids of the operations."""
        self.done: Counter[str] = Counter()
        """How often the service has made a change, by the method and the path."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        fault = self._next(scope)
        match fault and fault.kind:
            case Kind.BUSY:
                await answer(send, 503)
            case Kind.LOST:
                raise ConnectionResetError
            case Kind.UNANSWERED:
                await self._serve(scope, receive, swallow)
                raise ConnectionResetError
            case Kind.FAILS_AFTER:
                await self._serve(scope, receive, swallow)
                await answer(send, 500)
            case Kind.ARRIVES_LATE | Kind.ANSWERED_LATE if fault is not None:
                await self._hold(self._serve_late(fault, scope, receive, send))
            case _:
                await self._serve(scope, receive, send)

    def _next(self, scope: Message) -> Fault | None:
        named = dict(scope["headers"]).get(REQUEST_ID, b"").decode()
        self.asked.add(named)
        for place, fault in enumerate(self.faults):
            if not self._spares(named) and self._can_strike(fault.kind, scope["method"]):
                return self.faults.pop(place)
        return None

    def _can_strike(self, kind: Kind, method: str) -> bool:
        if method == "GET":
            return kind in NOTHING_DONE
        return self.recognises_repeats or kind not in LATE

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message.get("status", 400) < 400:
                self.done[f"{scope['method']} {scope['path']}"] += 1
            await send(message)

        headers = [
            (name, value)
            for name, value in scope["headers"]
            if self.recognises_repeats or not name.startswith(REPEATABLE)
        ]
        await self._stack.app({**scope, "headers": headers}, receive, sent)

    async def _serve_late(self, fault: Fault, scope: Message, receive: Receive, send: Send) -> None:
        answered: list[Message] = []

        async def keep(message: Message) -> None:
            answered.append(message)

        late = self._clock.now() + timedelta(seconds=fault.seconds)
        if fault.kind is Kind.ARRIVES_LATE:
            await self._clock.sleep_until(late)
        await self._serve(scope, receive, keep)
        await self._clock.sleep_until(late)
        for message in answered:
            await send(message)

    async def _hold(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        self._clock.hold()
        await asyncio.shield(task)


async def swallow(_message: Message) -> None:
    """Take an answer that reaches nobody."""


async def answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})
