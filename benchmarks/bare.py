"""The bare loop: uvicorn and a handler that reads the body and answers 202, with nothing behind it."""

import sys

from shared.cli.serving import end_asked, serving
from shared.host.http_trigger import Receive, Scope, Send
from shared.host.server import Endpoint, run

BODY = b'{"id":"0","status":"NotStarted"}'


async def accept(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", str(len(BODY)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def serve(port: int) -> None:
    asked = end_asked()
    async with serving([Endpoint(app=accept, port=port)]):
        await asked.wait()


if __name__ == "__main__":
    run(serve(int(sys.argv[1])))
