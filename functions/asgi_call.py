"""One call of an ASGI app for one request to a function.

Not the library's `AsgiMiddleware`: that one hands over the path decoded, and which `%2F` was a slash is lost with it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func

AsgiApp = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]


async def call_asgi(app: AsgiApp, req: func.HttpRequest) -> func.HttpResponse:
    """Return what `app` answers; whole, as the host cannot pass on parts."""
    incoming = [{"type": "http.request", "body": req.get_body(), "more_body": False}]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope_of(req), receive, send)
    start, *parts = sent
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    # The host counts for itself, also what it sends to HEAD.
    headers.pop("content-length", None)
    return func.HttpResponse(
        b"".join(part["body"] for part in parts), status_code=start["status"], headers=headers
    )


def scope_of(req: func.HttpRequest) -> dict[str, Any]:
    """Return the scope of a request; the path is as the host gives it: names keep their case, `~` and `%2F` stay."""
    _, _, rest = req.url.partition("://")
    target = "/" + rest.partition("/")[2]
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "method": req.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in req.headers.items()],
    }
