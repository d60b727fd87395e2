"""Who calls, and whether this instance lets them in: the first thing that happens to a request."""

import azure.functions as func

from shared.bootstrap import application
from shared.errors import HeadersTooLargeError, UriTooLongError

READING = frozenset({"GET", "HEAD"})
LONGEST_URL = 8_192
MOST_HEADER_BYTES = 32_768
"""As much as the Functions host takes; a bearer token may have half of it."""


async def admit(req: func.HttpRequest) -> None:
    """Raises RequestError or TransientError for whom this instance does not let in."""
    app = await application()
    if app.request_rate is not None:
        app.request_rate.take(now=app.clock.now())
    check_size(req)
    await caller_of(req)


async def caller_of(req: func.HttpRequest) -> str:
    """Return the caller's name; who may only read is refused every method that changes.

    Raises:
        AuthenticationError: see `Callers.name`.
    """
    callers = (await application()).callers
    return await callers.name(req.headers.get("authorization"), is_change=req.method not in READING)


def check_size(req: func.HttpRequest) -> None:
    """Raises RequestError for a URL or a header section that is too long; functions look at their bodies."""
    if len(req.url) > LONGEST_URL:
        raise UriTooLongError(f"the URL has {len(req.url)} characters; {LONGEST_URL} are allowed")
    # A line has a colon, a blank and a line end.
    size = sum(len(name) + len(value) + 4 for name, value in req.headers.items())
    if size > MOST_HEADER_BYTES:
        raise HeadersTooLargeError(
            f"the headers have {size} bytes; {MOST_HEADER_BYTES} are allowed"
        )
