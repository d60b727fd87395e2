"""Recorded requests, made wrong at random: the same seed gives the same requests."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from random import Random
from urllib.parse import quote

from tests.conformance.mutating_bodies import mutate_body, planted

CORPUS = Path(__file__).parent / "recorded" / "requests.json"
METHODS = (
    "GET",
    "PUT",
    "POST",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "get",
    "X",
    "M-SEARCH",
)
ODD_NAMES = (
    "", ".", "..", "%2e%2e", "%00", "%ff", "%zz", "%2F", "a%2Fb", "~", "%7E", "ü", "%C3%BC", "\u202e",
    "a" * 101, "b" * 9000, "jobs", "null", "-1", "*", "{job}", "%25", " ", "+", "a;b", "job1%20", "\x7f",
    "0" * 32, "%F0%9F%92%A9", "'--", "<x>", "../..", "history", "run",
)  # fmt: skip
MEMBERS = (
    "$top=0", "$top=5", "$top=-1", "$top=99999999999", "$top=x", "$top=", "$skip=-1", "$skip=2147483648",
    "$skip=1e3", "$filter=", "$filter=state%20eq%20enabled", "$filter=state eq gone",
    "$filter=status eq failed and state eq enabled", "$filter=status%20eq%20failed", "$filter=%00",
    "$filter=" + "and " * 500, "$filter=name%20eq%20'x'", "api-version=", "api-version=2099-01-01",
    "api-version=2016-01-01", "op=checknameavailability", "op=", "resourceName=", "resourceName=" + "x" * 200,
    "resourceName=%ff", "action=register", "action=", "service=nobody", "resourceType=None", "%ff=%ff", "&&&",
    "a" * 9000, "&".join(f"p{number}=1" for number in range(30)), "=", "%", "?", "$orderby=name",
)  # fmt: skip
HEADERS: dict[str, tuple[str, ...]] = {
    "x-ms-version": ("", "2012-01-01", "2013-03-01", "2014-10-01", "9999-99-99", "x", "2014-10-01, 2013-03-01"),
    "content-type": ("", "text/plain", "application/json", "application/xml", "a/b; charset=utf-16", "\x01"),
    "content-length": ("", "0", "-1", "5", "999999999999", "x"),
    "if-match": ("", "*", '"*"', "none", "W/\"x\"", "0" * 40, "\xff"),
    "repeatability-request-id": ("", "same", "s p", "x" * 128, "x" * 129, "\xff", "by-schedule"),
    "repeatability-first-sent": (
        "", "now", "Thu, 01 Jan 2026 12:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT", "Thu, 01 Jan 2026 12:00:00 +9999", "Thu, 99 Foo 2026 99:99:99 GMT",
    ),
    "host": ("", "a b", "e.org:99999", "\xff"),
    "accept": ("", "text/html", "*/*;q=0"),
    "transfer-encoding": ("chunked", "gzip"),
    "x-http-method-override": ("DELETE",),
    "x-arr-clientcert": ("", "AAAA", "not base64"),
    "x-ms-client-request-id": ("", "x" * 5000, "\xff\xfe"),
    "accept-encoding": ("gzip",),
}  # fmt: skip


class Caller(StrEnum):
    """Who sends a request: the one it should be, or another, or nobody."""

    KNOWN = "known"
    NOBODY = "nobody"
    STRANGER = "stranger"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it is on the wire; characters of `target` and headers stand for bytes where they can."""

    surface: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    caller: Caller = Caller.KNOWN
    pieces: int = 1

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


def corpus() -> list[Sent]:
    """Return the recorded requests, a secret of ours in the place of each of theirs."""
    return [
        Sent(
            surface=one["surface"],
            method=one["method"],
            target=one["target"],
            headers=tuple(one["headers"].items()),
            body=planted(one["body"]),
        )
        for one in json.loads(CORPUS.read_text())
    ]


def mutated(sent: Sent, random: Random) -> Sent:
    """Return `sent` with one to three things about it changed, most often its body if it has one."""
    for _ in range(random.choices((1, 2, 3), (6, 3, 1))[0]):
        kinds = [*KINDS] if sent.body else [kind for kind in KINDS if kind is not of_body]
        weights = [KINDS[kind] for kind in kinds]
        sent = random.choices(kinds, weights)[0](sent, random)
    return sent


def of_body(sent: Sent, random: Random) -> Sent:
    return replace(sent, body=mutate_body(sent.body, random))


def of_method(sent: Sent, random: Random) -> Sent:
    return replace(sent, method=random.choice(METHODS))


def of_path(sent: Sent, random: Random) -> Sent:
    segments = sent.path.split("/")
    at = random.randrange(len(segments))
    match random.randrange(7):
        case 0:
            segments[at] = "".join(random.choice((c.upper(), c.lower())) for c in segments[at])
        case 1:
            segments[at] = "".join(
                f"%{ord(c):02x}" if ord(c) < 128 else quote(c) for c in segments[at]
            )
        case 2:
            segments.insert(at, random.choice(ODD_NAMES))
        case 3:
            del segments[at]
        case 4:
            segments[at:at] = segments[at : at + random.randrange(1, 4)]
        case 5:
            segments = segments[:at]
        case _:
            segments[at] = random.choice(ODD_NAMES)
    path = "/" + "/".join(segments).removeprefix("/")
    return replace(sent, target=f"{path}?{sent.query}" if sent.query else path)


def of_query(sent: Sent, random: Random) -> Sent:
    members = [one for one in sent.query.split("&") if one]
    match random.randrange(4):
        case 0 if members:
            del members[random.randrange(len(members))]
        case 1 if members:
            members.append(random.choice(members).upper())
        case _:
            members.insert(random.randint(0, len(members)), random.choice(MEMBERS))
    return replace(sent, target=f"{sent.path}?{'&'.join(members)}")


def of_header(sent: Sent, random: Random) -> Sent:
    headers = [*sent.headers]
    if headers and random.randrange(4) == 0:
        del headers[random.randrange(len(headers))]
        return replace(sent, headers=tuple(headers))
    name = random.choice([*HEADERS])
    given = [(one, value) for one, value in headers if one.lower() != name]
    kept = headers if random.randrange(5) == 0 else given
    added = [(name, random.choice(HEADERS[name]))]
    if name.startswith("repeatability") and random.randrange(2):
        added = [(one, random.choice(HEADERS[one])) for one in HEADERS if one.startswith("repeat")]
    return replace(sent, headers=(*kept, *added))


def of_caller(sent: Sent, random: Random) -> Sent:
    return replace(sent, caller=random.choice([*Caller]))


def of_pieces(sent: Sent, random: Random) -> Sent:
    return replace(sent, pieces=random.choice((0, 2, 3, 50)))


KINDS: dict[Callable[[Sent, Random], Sent], int] = {
    of_body: 50,
    of_path: 12,
    of_query: 12,
    of_header: 12,
    of_method: 5,
    of_caller: 2,
    of_pieces: 3,
}
