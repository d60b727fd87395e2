"""The asynchronous pattern: a target answers 202 with a `Location` and is asked there until it has finished; pure.

The retired service followed it, and how is told nowhere (contract, question 43): wait and ceiling are ours.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urldefrag, urljoin, urlsplit

from shared.errors import InvalidRequestError, NoAnswer
from shared.outbound.retry_after import retry_after_of
from shared.scheduler.action import Attempt, Poll
from shared.scheduler.actions.echoes import Echoes
from shared.wire.http_action import HttpRequest
from shared.wire.model import read, read_stored

ACCEPTED = 202
WAIT = timedelta(seconds=10)
"""Without `Retry-After`: the least that Azure's own services ask for."""
SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(hours=1)
PASSING = frozenset({408, 429})
LASTING = frozenset({NoAnswer.NOT_ALLOWED, NoAnswer.NOT_SENDABLE})
DEFAULT_PORTS = {"http": 80, "https": 443}
# A poll has no content, and what is asked for has not changed since it was never read.
NOT_OF_POLLS = ("content-", "if-", "range")


class NotFollowedError(Exception):
    """A `Location` that leads to nothing that may be asked; says why."""


def request_of(attempt: Attempt) -> HttpRequest:
    """Return what the attempt sends: the job's request, or the poll of what its target has accepted.

    Only the origin of the job's own request (RFC 6454) is sent the job's headers and shown its authentication.
    """
    payload = attempt.action.get("request")
    own = read_stored(HttpRequest, payload) if payload is not None else None
    if attempt.poll_uri is None:
        assert own is not None, "an attempt goes to the action of its type"
        return own
    poll = HttpRequest(uri=attempt.poll_uri, method="GET")
    if own is None or origin_of(own.uri) != origin_of(poll.uri):
        return poll
    headers = {
        name: value
        for name, value in (own.headers or {}).items()
        if not name.lower().startswith(NOT_OF_POLLS)
    }
    return poll.model_copy(update={"headers": headers, "authentication": own.authentication})


def next_poll(
    attempt: Attempt,
    request: HttpRequest,
    status: int,
    headers: Mapping[str, str],
    *,
    echoes: Echoes,
    now: datetime,
) -> Poll | None:
    """Return when and where the target is to be asked after this answer; None when it has finished.

    Raises:
        NotFollowedError: it names a place that cannot be asked.
    """
    wait = retry_after_of(headers, now=now)
    after = WAIT if wait is None else min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
    if status != ACCEPTED:
        is_passing = status >= 500 or status in PASSING
        return poll_again(attempt, after=after) if is_passing else None
    location = headers.get("location", "").strip()
    if not location:
        return poll_again(attempt, after=after)
    if echoes.cut(location, len(location)) != location:
        # P8: it would be stored, and told where it is wrong.
        raise NotFollowedError("repeats a secret of the job")
    return Poll(uri=resolved(location, request.uri), after=after)


def poll_again(attempt: Attempt, *, after: timedelta = WAIT) -> Poll | None:
    """Return the same poll once more; None for an attempt that its target has not accepted."""
    return Poll(uri=attempt.poll_uri, after=after) if attempt.poll_uri is not None else None


def resolved(location: str, base: str) -> str:
    """Return the absolute URI, without fragment, of a `Location` (RFC 9110, 10.2.2) in the answer of `base`.

    Raises:
        NotFollowedError: a job's own request could not have it.
    """
    try:
        uri = urldefrag(urljoin(base, location)).url
        return read(HttpRequest, {"uri": uri, "method": "GET"}).uri
    except InvalidRequestError as error:
        raise NotFollowedError(error.faults[0].message) from None
    except ValueError:
        raise NotFollowedError("is no URI") from None


def origin_of(uri: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
