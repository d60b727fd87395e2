"""From what an HTTP function returned to what goes over the wire."""

import re
from dataclasses import dataclass
from functools import lru_cache
from http.cookies import SimpleCookie

import azure.functions as func

Headers = list[tuple[bytes, bytes]]

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
CONTENT_TYPE, SET_COOKIE = b"content-type", b"set-cookie"
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
    if isinstance(result, str):
        return complete(200, [(CONTENT_TYPE, b"text/plain; charset=utf-8")], result.encode())
    if not isinstance(result, func.HttpResponse):
        raise TypeError(
            f"an HTTP function returns HttpResponse or str, not {type(result).__name__}"
        )
    return complete(int(result.status_code), headers_of(result), result.get_body())


def headers_of(response: func.HttpResponse) -> Headers:
    """Return the headers as the library's converter would: of repeated ones the last, cookies all and read anew."""
    headers = [header(name, value) for name, value in dict(response.headers.items()).items()]
    names = [name for name, _ in headers]
    if CONTENT_TYPE not in names:
        is_text = response.mimetype.startswith("text/")
        charset = f"; charset={response.charset}" if is_text else ""
        headers.append(header("content-type", f"{response.mimetype}{charset}"))
    if SET_COOKIE not in names:
        return headers
    cookies = [SimpleCookie(cookie) for cookie in response.headers.get_all("Set-Cookie")]
    morsels = [morsel.OutputString() for cookie in cookies for morsel in cookie.values()]
    kept = [each for each in headers if each[0] != SET_COOKIE]
    return [*kept, *(header("set-cookie", morsel) for morsel in morsels)]


def complete(status: int, headers: Headers, body: bytes) -> Answer:
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of an answer")
    if status in WITHOUT_BODY:
        body = b""
    kept = [each for each in headers if each[0] not in FRAMING]
    return Answer(status, [*kept, (b"content-length", b"%d" % len(body))], body)


def header(name: str, value: str) -> tuple[bytes, bytes]:
    encoded = value.encode("latin-1")
    if FORBIDDEN.search(encoded):
        raise ValueError(f"header {name!r} cannot be sent")
    return header_name(name), encoded


@lru_cache(maxsize=256)
def header_name(name: str) -> bytes:
    encoded = name.lower().encode("latin-1")
    if not NAME.fullmatch(encoded):
        raise ValueError(f"header {name!r} cannot be sent")
    return encoded
