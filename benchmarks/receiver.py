"""A receiver of webhooks that verifies nothing: it answers at once, below `/slow` after 14.5 s."""

import sys
from datetime import timedelta

from shared.cli.serving import end_asked, serving
from shared.clock import SystemClock
from shared.host.http_trigger import Receive, Scope, Send
from shared.host.server import Endpoint, run

SLOW = timedelta(seconds=14.5)
CLOCK = SystemClock()


async def take(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    if scope["path"].startswith("/slow"):
        await CLOCK.sleep(SLOW)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def serve(port: int) -> None:
    asked = end_asked()
    async with serving([Endpoint(app=take, port=port)]):
        await asked.wait()


if __name__ == "__main__":
    run(serve(int(sys.argv[1])))
