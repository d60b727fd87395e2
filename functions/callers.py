"""Who calls, and whether this instance lets them in: the first thing that happens to a request."""

from contextvars import ContextVar

import azure.functions as func

from shared.bootstrap import application
from shared.errors import HeadersTooLargeError, UriTooLongError

READING = frozenset({"GET", "HEAD"})
LONGEST_URL = 8_192
MOST_HEADER_BYTES = 32_768
"""As much as the Functions host takes; a bearer token may have half of it."""


_admitted: ContextVar[str] = ContextVar("caller")


async def admit(req: func.HttpRequest) -> None:
    """Let in whoever may call; who may only read is refused every method that changes.

    Raises:
        AuthenticationError: see `Callers.name`.
        RequestError, TransientError: this instance does not take the request.
    """
    app = await application()
    if app.request_rate is not None:
        app.request_rate.take(now=app.clock.now())
    check_size(req)
    authorization = req.headers.get("authorization")
    _admitted.set(await app.callers.name(authorization, is_change=req.method not in READING))


def caller() -> str:
    """Return the name of whom `admit` has let in for this request: a token is verified once."""
    return _admitted.get()


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
