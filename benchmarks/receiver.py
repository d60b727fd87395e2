"""A receiver of webhooks that verifies nothing: it answers at once, below `/slow` after 14.5 s."""

import asyncio
import sys
from contextlib import suppress

from shared.cli.serving import end_asked, serving
from shared.host.http_trigger import Receive, Scope, Send
from shared.host.server import Endpoint, run

SLOW_SECONDS = 14.5


async def take(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    if scope["path"].startswith("/slow"):
        with suppress(TimeoutError):
            async with asyncio.timeout(SLOW_SECONDS):
                await receive()
                return  # the caller is gone
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def serve(port: int) -> None:
    asked = end_asked()
    async with serving([Endpoint(app=take, port=port)]):
        await asked.wait()


if __name__ == "__main__":
    run(serve(int(sys.argv[1])))
