"""A webhook receiver on a loopback port, in the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


@dataclass(frozen=True, slots=True)
class Delivery:
    """A POST as it arrived; names of headers are in lower case."""

    headers: dict[str, str]
    body: bytes


class HungUp(web.Response):
    """Closes the connection instead of answering."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError("closed on purpose")


@dataclass(slots=True)
class Receiver:
    """Answers every POST with what `respond` returns; without an answer it stays silent."""

    port: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    respond: Callable[[Delivery], web.StreamResponse | None] = lambda _: web.Response(status=204)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=s3cret"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = Delivery(headers, await request.read())
        self.deliveries.append(delivery)
        response = self.respond(delivery)
        if response is None:
            await asyncio.Event().wait()
        assert response is not None
        return response


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()
