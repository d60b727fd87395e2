"""What waits for what: a write holds back whatever concerns its own resource, one above it, or one below it; pure.

An ordering path is a resource's path in lower case that ends with `/`, so that whole segments are compared.
"""

from collections.abc import Mapping

from shared.wire.catalogue import Endpoint
from shared.wire.routing import resource_path


def ordering_path(endpoint: Endpoint, params: Mapping[str, str]) -> str:
    """Return the ordering path of what an endpoint changes or reads; names that differ only in case are one."""
    folded = {name: value.casefold() for name, value in params.items()}
    return f"{resource_path(endpoint, folded).lower()}/"


def paths_above(path: str) -> list[str]:
    """Return the ordering paths that are a prefix of `path`, itself included, the shortest first."""
    segments = path[1:-1].split("/")
    return [f"/{'/'.join(segments[:depth])}/" for depth in range(1, len(segments) + 1)]


def range_below(path: str) -> tuple[str, str]:
    """Return the open interval, by code points, in which all paths below `path` lie, and no others."""
    return path, path[:-1] + chr(ord("/") + 1)
