"""Which function answers a path: the route templates of HTTP triggers, read as the Functions host reads them.

Segments are literal text, `{name}`, `{name:int}`, `{name?}` or, last, `{*name}`, which also matches nothing. Literals
win over constrained parameters, those over plain ones, and those over a catch-all, segment by segment; a route whose
methods do not fit is no match, so a wrong method is 404 and never 405 (azure-functions-host #10098). Case does not
matter. A `%2F` within a segment stays as it is, as Kestrel leaves it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")

ANY_METHOD = "*"
PARAMETER = re.compile(
    r"\{(?P<all>\*{0,2})(?P<name>\w+)(?::(?P<constraint>\w+))?(?P<optional>\?)?\}"
)
CONSTRAINTS = {
    "int": re.compile(r"[+-]?\d{1,10}", re.ASCII),
    "long": re.compile(r"[+-]?\d{1,19}", re.ASCII),
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "alpha": re.compile(r"[a-z]*", re.IGNORECASE | re.ASCII),
    "guid": re.compile(r"\{?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Leaf(Generic[Target]):
    target: Target
    names: tuple[str, ...]


@dataclass(slots=True)
class Node(Generic[Target]):
    literals: dict[str, "Node[Target]"] = field(default_factory=dict)
    constrained: dict[str, "Node[Target]"] = field(default_factory=dict)
    parameter: "Node[Target] | None" = None
    leaves: dict[str, Leaf[Target]] = field(default_factory=dict)
    catch_all: dict[str, Leaf[Target]] = field(default_factory=dict)


class RouteTable(Generic[Target]):
    """Route templates and what they lead to."""

    def __init__(self) -> None:
        self._root: Node[Target] = Node()

    def add(self, template: str, methods: Iterable[str], target: Target) -> None:
        """Lead `methods` (none: all) of `template` to `target`.

        Raises:
            ValueError: the template is malformed, or another route answers the same paths and methods.
        """
        wanted = sorted({method.upper() for method in methods}) or [ANY_METHOD]
        node, names = self._root, list[str]()
        segments = [part for part in template.strip("/").split("/") if part]
        for position, segment in enumerate(segments, 1):
            parameter = PARAMETER.fullmatch(segment)
            if parameter is None:
                if set(segment) & set("{}?*"):
                    raise ValueError(f"route {template!r}: {segment!r} is not supported")
                node = node.literals.setdefault(segment.lower(), Node())
                continue
            if parameter["name"].lower() in (name.lower() for name in names):
                raise ValueError(f"route {template!r} names {parameter['name']!r} twice")
            if (parameter["all"] or parameter["optional"]) and position < len(segments):
                raise ValueError(f"route {template!r}: {segment!r} must be its last segment")
            if parameter["optional"]:
                self._claim(node.leaves, wanted, Leaf(target, tuple(names)), template)
            names.append(parameter["name"])
            if parameter["all"]:
                self._claim(node.catch_all, wanted, Leaf(target, tuple(names)), template)
                return
            node = self._below(node, parameter["constraint"], template)
        self._claim(node.leaves, wanted, Leaf(target, tuple(names)), template)

    def match(self, method: str, path: str) -> tuple[Target, dict[str, str]] | None:
        """Return who answers `path` (percent-encoded) and the parameters found in it."""
        bare = path.removeprefix("/").removesuffix("/")
        segments = bare.split("/") if bare else []
        if "%" in bare:
            segments = [decode_segment(segment) for segment in segments]
        values: list[str] = []
        leaf = find(self._root, segments, method, values)
        # A catch-all that matched nothing has a name and no value: it is left out, as the host does.
        return None if leaf is None else (leaf.target, dict(zip(leaf.names, values, strict=False)))

    def _below(self, node: Node[Target], constraint: str | None, template: str) -> Node[Target]:
        if constraint is None:
            node.parameter = node.parameter or Node()
            return node.parameter
        if constraint not in CONSTRAINTS:
            raise ValueError(f"route {template!r}: constraint {constraint!r} is not supported")
        return node.constrained.setdefault(constraint, Node())

    def _claim(
        self,
        leaves: dict[str, Leaf[Target]],
        methods: list[str],
        leaf: Leaf[Target],
        template: str,
    ) -> None:
        taken = leaves.keys() if ANY_METHOD in methods else leaves.keys() & {*methods, ANY_METHOD}
        if taken:
            raise ValueError(
                f"route {template!r} collides with that of {leaves[min(taken)].target}"
            )
        leaves.update(dict.fromkeys(methods, leaf))


def find(
    node: Node[Target], segments: list[str], method: str, values: list[str]
) -> Leaf[Target] | None:
    depth = len(values)
    if not segments:
        return pick(node.leaves, method) or pick(node.catch_all, method)
    segment, rest = segments[0], segments[1:]
    literal = node.literals.get(segment.lower())
    if literal is not None and (leaf := find(literal, rest, method, values)) is not None:
        return leaf
    if segment:
        values.append(segment)
        for constraint, child in node.constrained.items():
            if (
                CONSTRAINTS[constraint].fullmatch(segment)
                and (leaf := find(child, rest, method, values)) is not None
            ):
                return leaf
        if (
            node.parameter is not None
            and (leaf := find(node.parameter, rest, method, values)) is not None
        ):
            return leaf
    del values[depth:]
    if (leaf := pick(node.catch_all, method)) is not None:
        values.append("/".join(segments))
    return leaf


def pick(leaves: dict[str, Leaf[Target]], method: str) -> Leaf[Target] | None:
    return leaves.get(method) or leaves.get(ANY_METHOD)


def decode_segment(segment: str) -> str:
    return unquote(segment.replace("%2F", "%252F").replace("%2f", "%252f"))
