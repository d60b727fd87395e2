"""What we answer beside what the real service answered: ids are matched one to one, the rest must be equal.

Nothing here knows a client or a surface; a `Difference` says what need not be equal, and why.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from shared.wire.json_types import Json
from tests.conformance.recordings import Exchange
from tests.shared.scheduler.scheduler_stack import Reply

ID = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")
PRESENT_HEADERS = (
    "location",
    "server",
    "x-ms-correlation-request-id",
    "x-ms-routing-request-id",
    "x-ms-servedbyregion",
)
ID_HEADERS = frozenset({"etag", "x-ms-request-id"})
# Which of these there are tells who answered.
TOLD = ("x-aspnet-version", "x-ms-failure-cause", "x-ms-ratelimit-", "x-powered-by")
EQUAL_HEADERS = frozenset(
    {
        "cache-control",
        "content-type",
        "expires",
        "pragma",
        "retry-after",
        "strict-transport-security",
        "x-aspnet-version",
        "x-ms-failure-cause",
        "x-powered-by",
    }
)

Parsed: TypeAlias = "Json | Tree"


@dataclass(frozen=True, slots=True)
class Tree:
    """An XML element: name with namespace, attributes, text without the white space around it, children in order."""

    name: str
    attributes: Mapping[str, str]
    text: str
    children: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where an answer differs, what was recorded there and what is ours; None for what is absent."""

    where: str
    recorded: object
    ours: object


@dataclass(frozen=True, slots=True)
class Difference:
    """A mismatch that is right, and why."""

    reason: str
    excuses: Callable[[Exchange, Mismatch], bool]


class Ids:
    """Recorded ids and ours, one to one, dashes aside; a pair is learnt where both are first seen in one place."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._ours = {plain(recorded): plain(ours) for recorded, ours in known.items()}

    def translate(self, text: str) -> str:
        """Return what was recorded of a request with our ids in place of those that are known."""
        return ID.sub(self._translated, text)

    def is_same(self, recorded: str, ours: str) -> bool:
        """Whether two texts are equal but for ids that stand for each other."""
        theirs, found = ID.findall(recorded), ID.findall(ours)
        if len(theirs) != len(found) or ID.sub("", recorded) != ID.sub("", ours):
            return False
        return all(self.match(one, other) for one, other in zip(theirs, found, strict=True))

    def match(self, recorded: str, ours: str) -> bool:
        if has_dashes(recorded) != has_dashes(ours):
            return False
        one, other = plain(recorded), plain(ours)
        if one not in self._ours and other not in self._ours.values():
            self._ours[one] = other
        return self._ours.get(one) == other

    def _translated(self, found: re.Match[str]) -> str:
        ours = self._ours.get(plain(found[0]))
        if ours is None:
            return found[0]
        return dashed(ours) if has_dashes(found[0]) else ours


def mismatches(recorded: Exchange, ours: Reply, ids: Ids) -> Iterator[Mismatch]:
    """Yield everything in which the answers differ."""
    if recorded.status != ours.status:
        yield Mismatch("status", recorded.status, ours.status)
        return
    yield from header_mismatches(recorded, ours, ids)
    yield from body_mismatches("$", parse(recorded.answer), parse(ours.body), ids)


def header_mismatches(recorded: Exchange, ours: Reply, ids: Ids) -> Iterator[Mismatch]:
    for name in {**recorded.answer_headers, **ours.headers}:
        value, mine = recorded.answer_headers.get(name), ours.headers.get(name)
        if not is_same_header(name, value, mine, ids):
            yield Mismatch(f"header {name}", value, mine)


def is_same_header(name: str, recorded: str | None, ours: str | None, ids: Ids) -> bool:
    """Compare what was recorded: some recorders left out what describes the body."""
    if recorded is None:
        return not name.startswith(TOLD)
    if name in EQUAL_HEADERS:
        return recorded == ours
    if name in ID_HEADERS:
        return ours is not None and ids.is_same(recorded, ours)
    return ours is not None or not name.startswith((*PRESENT_HEADERS, *TOLD))


def body_mismatches(where: str, recorded: Parsed, ours: Parsed, ids: Ids) -> Iterator[Mismatch]:
    match recorded, ours:
        case dict(), dict():
            yield from members_mismatches(where, recorded, ours, ids)
        case list(), list():
            yield from items_mismatches(where, recorded, ours, ids)
        case Tree(), Tree() if (recorded.name, recorded.attributes) == (ours.name, ours.attributes):
            yield from body_mismatches(where, recorded.text, ours.text, ids)
            yield from items_mismatches(where, recorded.children, ours.children, ids)
        case str(), str() if ids.is_same(recorded, ours):
            pass
        case _:
            if recorded != ours or type(recorded) is not type(ours):
                yield Mismatch(where, recorded, ours)


def members_mismatches(
    where: str, recorded: Mapping[str, Json], ours: Mapping[str, Json], ids: Ids
) -> Iterator[Mismatch]:
    common = [name for name in recorded if name in ours]
    if common != [name for name in ours if name in recorded]:
        yield Mismatch(f"{where} order", list(recorded), list(ours))
    for name in {**recorded, **ours}:
        if name in common:
            yield from body_mismatches(f"{where}.{name}", recorded[name], ours[name], ids)
        else:
            yield Mismatch(f"{where}.{name}", recorded.get(name), ours.get(name))


def items_mismatches(
    where: str, recorded: Iterable[Parsed], ours: Iterable[Parsed], ids: Ids
) -> Iterator[Mismatch]:
    theirs, mine = list(recorded), list(ours)
    if len(theirs) != len(mine):
        yield Mismatch(where, theirs, mine)
        return
    for number, (one, other) in enumerate(zip(theirs, mine, strict=True)):
        step = f"/{one.name.partition('}')[2]}" if isinstance(one, Tree) else f"[{number}]"
        yield from body_mismatches(f"{where}{step}", one, other, ids)


def parse(body: bytes) -> Parsed:
    """Return an XML tree, a JSON value, or the text where it is neither."""
    text = body.decode("utf-8-sig")
    if text.startswith("<"):
        return to_tree(fromstring(text))
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value


def to_tree(element: Element) -> Tree:
    return Tree(
        element.tag,
        dict(element.attrib),
        (element.text or "").strip(),
        tuple(to_tree(child) for child in element),
    )


def plain(id: str) -> str:
    return id.replace("-", "").lower()


def has_dashes(id: str) -> bool:
    return "-" in id


def dashed(id: str) -> str:
    return "-".join((id[:8], id[8:12], id[12:16], id[16:20], id[20:]))
