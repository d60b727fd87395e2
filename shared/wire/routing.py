"""From a path to the endpoint and its names, by dictionaries on the segments instead of a scan of patterns.

Literals match ignoring case. Each segment is percent-decoded exactly once and after the path was cut, so that `%2F`
stays inside a name: pass the raw path.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote

from shared.errors import Fault, InvalidRequestError
from shared.wire.arm_catalogue import ARM_ROWS
from shared.wire.catalogue import CATALOGUE
from shared.wire.classic_catalogue import CLASSIC_ROWS
from shared.wire.endpoint import Endpoint, Surface
from shared.wire.names import name_faults


@dataclass(frozen=True, slots=True)
class Match:
    """`params` are decoded and not yet checked: `names.name_faults` does that."""

    endpoint: Endpoint
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NotFound:
    """No endpoint has such a path."""


@dataclass(frozen=True, slots=True)
class MethodNotAllowed:
    """The path exists; `allowed` are the methods it has."""

    allowed: frozenset[str]


@dataclass(frozen=True, slots=True)
class NotSelected:
    """Path and method exist, for requests whose query has one of the `selectors`."""

    selectors: tuple[tuple[str, str], ...]


UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]+")
"""Characters that stand for themselves (RFC 3986, 2.3)."""
PREFIXES = {Surface.CLASSIC: "/{subscription}", Surface.ARM: "/subscriptions/{subscription}"}
Routed: TypeAlias = Match | NotFound | MethodNotAllowed | NotSelected


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The requests that lead to an endpoint; with a selector only those whose query has it."""

    method: str
    template: str
    endpoint: Endpoint
    selector: tuple[str, str] | None = None


@dataclass(slots=True)
class _Node:
    literals: "dict[str, _Node]" = field(default_factory=dict)
    parameter: "_Node | None" = None
    routes: dict[str, list[tuple[Route, tuple[str, ...]]]] = field(default_factory=dict)


class Router:
    """A literal wins over a parameter in the same place, the first of equal routes over the others."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def match(self, method: str, path: str, query: str = "") -> Routed:
        """Return what `path` and `query` (raw) lead to; one trailing slash is ignored: Python's client adds it."""
        found = self._find(path)
        if found is None:
            return NotFound()
        node, values = found
        if not node.routes:
            return NotFound()
        if method not in node.routes:
            return MethodNotAllowed(frozenset(node.routes))
        candidates = node.routes[method]
        for route, names in candidates:
            if is_selected(route, query):
                return Match(route.endpoint, dict(zip(names, values, strict=True)))
        return NotSelected(tuple(one.selector for one, _ in candidates if one.selector))

    def _find(self, path: str) -> tuple[_Node, list[str]] | None:
        node, values = self._root, []
        for raw in _segments(path):
            segment = _decoded(raw)
            if not segment:
                return None
            following = node.literals.get(segment.lower())
            if following is None:
                following = node.parameter
                values.append(segment)
            if following is None:
                return None
            node = following
        return node, values

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in _segments(route.template):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment.lower(), _Node())
        node.routes.setdefault(route.method, []).append((route, tuple(names)))


def is_selected(route: Route, query: str) -> bool:
    """Whether the query asks for this route among those of its path; words are compared ignoring case."""
    if route.selector is None:
        return True
    return route.selector in parse_qsl(query.lower())


def service_router() -> Router:
    """Return the router of the Scheduler service: `/{subscription}` and `/subscriptions/{subscription}` before each
    path, whose parameter is one of the match."""
    return Router(
        Route(
            method=row.method,
            template=f"{PREFIXES[row.surface]}{row.path}",
            endpoint=row,
            selector=row.selector,
        )
        for row in (*CLASSIC_ROWS, *ARM_ROWS)
    )


def connector_router() -> Router:
    """Return the router of the connector's resources; `/operations` there are the connector's own, so not in it.

    Only a PUT of a collection leads to two rows, of which the first is found: `If-Match` tells them apart.
    """
    rows = (row for row in CATALOGUE.values() if not row.route.startswith("/operations"))
    return Router(Route(method=row.verb, template=row.route, endpoint=row) for row in rows)


def service_path(endpoint: Endpoint, params: Mapping[str, str], *, subscription: str) -> str:
    """Return the raw path of `endpoint` at the Scheduler service."""
    return f"/{quote(subscription, safe='')}{_filled(endpoint.path, params)}"


def resource_path(endpoint: Endpoint, params: Mapping[str, str]) -> str:
    """Return the resource's path below the subscription: the subject of its events; names keep their case."""
    return _filled(endpoint.resource, params)


def parse_resource(endpoint: Endpoint, resource: str) -> dict[str, str]:
    """Return the names in `resource`, checked.

    Raises:
        InvalidRequestError: it is not of the endpoint's template, or holds names that no resource can have.
    """
    routed = _resource_router(endpoint.name).match(endpoint.method, resource)
    if not isinstance(routed, Match):
        raise InvalidRequestError(
            [
                Fault(
                    "$.resource",
                    f"is not of the form {endpoint.resource} that {endpoint.name} takes",
                )
            ]
        )
    if faults := name_faults(routed.params):
        raise InvalidRequestError(faults)
    return dict(routed.params)


@cache
def _resource_router(name: str) -> Router:
    row = CATALOGUE[name]
    return Router([Route(method=row.method, template=row.resource, endpoint=row)])


def _filled(template: str, params: Mapping[str, str]) -> str:
    return template.format_map({name: _quoted(value) for name, value in params.items()})


def _quoted(value: str) -> str:
    # What most resources are called is written as it is, which `quote` takes long to find out.
    return value if UNRESERVED.fullmatch(value) else quote(value, safe="")


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").removesuffix("/").split("/")


def _decoded(segment: str) -> str | None:
    if "%" not in segment:
        return segment
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return None
