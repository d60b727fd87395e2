"""From what an HTTP function returned to what goes over the wire."""

import re
from dataclasses import dataclass

from shared.host.converters import converter

Headers = list[tuple[bytes, bytes]]

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# The server's own business, whatever the function says.
FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection"))
WITHOUT_BODY = frozenset((204, 304))


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of a response."""

    status: int
    headers: Headers
    body: bytes


def read_answer(result: object) -> Answer:
    """Return what the host sends for the return value of an HTTP function, which may be str or HttpResponse.

    Raises:
        TypeError, ValueError: it is neither, or cannot be sent.
    """
    try:
        datum = converter("http").encode(result, expected_type=None)
    except NotImplementedError:
        raise TypeError(
            f"an HTTP function returns HttpResponse or str, not {type(result).__name__}"
        ) from None
    if datum.type == "string":
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        return complete(200, headers, datum.value.encode())
    headers = [header(name, value.value) for name, value in datum.value["headers"].items()]
    for cookie in datum.value["cookies"] or ():
        headers += [header("set-cookie", morsel.OutputString()) for morsel in cookie.values()]
    return complete(int(datum.value["status_code"].value), headers, datum.value["body"].value)


def complete(status: int, headers: Headers, body: bytes) -> Answer:
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of an answer")
    if status in WITHOUT_BODY:
        body = b""
    kept = [each for each in headers if each[0] not in FRAMING]
    return Answer(status, [*kept, (b"content-length", b"%d" % len(body))], body)


def header(name: str, value: str) -> tuple[bytes, bytes]:
    encoded = name.lower().encode("latin-1"), value.encode("latin-1")
    if not NAME.fullmatch(encoded[0]) or FORBIDDEN.search(encoded[1]):
        raise ValueError(f"header {name!r} cannot be sent")
    return encoded
