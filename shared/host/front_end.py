"""What stands before the host in Azure: a load balancer that waits 230 seconds for an answer, and no longer.

The function goes on running, and what it answers then goes nowhere. Microsoft's documentation promises 502 for it, on
Windows some see 500; for Python on Linux it is 504 (github.com/Azure/Azure-Functions/issues/1477), so here too.
"""

import asyncio
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from shared.host.answers import Answer
from shared.host.http_trigger import Receive, Scope, Send, send_answer

LONGEST_ANSWER = timedelta(seconds=230)
TIMED_OUT = Answer(504, [(b"content-length", b"0")], b"")


class FrontEnd:
    """An ASGI app before another."""

    def __init__(self, app: Any, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; scope type `http` only."""
        caller = Caller(send)
        call = asyncio.create_task(self._app(scope, receive, caller.send))
        limit = asyncio.create_task(self._clock.sleep(LONGEST_ANSWER))
        try:
            await asyncio.wait((call, limit), return_when=asyncio.FIRST_COMPLETED)
            if not call.done() and not caller.has_answer:
                caller.is_gone = True
                self._late.add(call)
                call.add_done_callback(self._late.discard)
                await send_answer(send, TIMED_OUT)
                return
            await call
        except asyncio.CancelledError:
            call.cancel()
            raise
        finally:
            limit.cancel()


class Caller:
    """Whom the app answers, until `is_gone`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_answer = False
        self.is_gone = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.has_answer = True
        if not self.is_gone:
            await self._send(message)
