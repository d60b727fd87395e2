"""What requests below /admin have in common: which part of a list they want, and how they are answered."""

import json
import re
from collections.abc import Mapping

from shared.errors import (
    EntityNotFoundError,
    Fault,
    InvalidRequestError,
    RequestError,
    TocsinError,
    TransientError,
)
from shared.host.answers import Answer

MAX_PEEK = 250
DEFAULT_PEEK = 32
NUMBER = re.compile(r"[0-9]{1,18}")


def window_of(params: Mapping[str, str]) -> tuple[int, int]:
    """Return the first sequence number and the number of messages that `?from=&max=` ask for.

    Raises:
        InvalidRequestError: with what is wrong with each.
    """
    first, limit = params.get("from", "0"), params.get("max", str(DEFAULT_PEEK))
    faults = []
    if not NUMBER.fullmatch(first):
        faults.append(Fault("?from", "must be an integer of up to 18 digits"))
    if not (NUMBER.fullmatch(limit) and 1 <= int(limit) <= MAX_PEEK):
        faults.append(Fault("?max", f"must be an integer from 1 to {MAX_PEEK}"))
    if faults:
        raise InvalidRequestError(faults)
    return int(first), int(limit)


def rendered(status: int, document: object) -> Answer:
    """Return an answer with a JSON body."""
    body = json.dumps(document, indent=2).encode()
    return Answer(
        status,
        [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        body,
    )


def refused(error: TocsinError) -> Answer:
    """Return the answer to a request that could not be carried out."""
    match error:
        case EntityNotFoundError():
            status = 404
        case RequestError() | TransientError():
            status = error.status
        case _:  # a message that the broker does not take
            status = 400
    return rendered(status, {"error": {"code": error.code, "message": error.message}})
