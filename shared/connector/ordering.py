"""What waits for what: a write holds back whatever concerns its own resource, one above it, or one below it; pure.

An ordering path is a resource's path in lower case that ends with `/`, so that whole segments are compared.
"""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, unquote

from shared.wire.endpoint import Endpoint
from shared.wire.routing import resource_path

CLOUD_SERVICES = "/cloudservices/"
REMEMBERED = 4096
"""Paths whose neighbours need not be found anew: few resources are changed often."""


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


def folded_path(path: str) -> str | None:
    """Return the ordering path of a path as operations show it, or of the beginning of one; None if it is no path."""
    if not path.startswith("/"):
        return None
    try:
        segments = [unquote(segment, errors="strict") for segment in path.strip("/").split("/")]
        folded = [quote(segment.casefold(), safe="").lower() for segment in segments]
    except UnicodeError:
        return None
    return f"/{'/'.join(folded)}/" if all(folded) else None


@lru_cache(maxsize=REMEMBERED)
def scopes_of(path: str) -> tuple[str | None, str | None]:
    """Return the ordering paths of the cloud service and of the job collection that `path` is or lies in.

    What lies elsewhere is in the scope of its first segment, as if that were a cloud service.
    """
    above = paths_above(path)
    if above[0] != CLOUD_SERVICES:
        return above[0], None
    return (above[1] if len(above) > 1 else None), (above[3] if len(above) > 3 else None)
