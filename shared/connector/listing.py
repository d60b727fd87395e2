"""Which operations a caller wants to see, newest first, a page at a time; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from shared.clock import from_microseconds, to_microseconds
from shared.connector.operations import Operation, OperationStatus
from shared.connector.ordering import folded_path
from shared.errors import Fault, InvalidRequestError
from shared.wire.queries import unknown_parameters
from shared.wire.times import parse_instant

LONGEST_LIST = 100
"""As many operations as a caller may ask for at once."""
LONGEST_RESOURCE = 2048
PARAMETERS = ("status", "resource", "since", "limit")
STATUSES = {status.value.lower(): status for status in OperationStatus}
LIMIT = re.compile(r"0*([0-9]{1,3})", re.ASCII)
PLACE = re.compile(r"([0-9]{1,16})-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the order of all operations one is: by when it was asked for, then by when it was accepted."""

    requested_at: datetime
    number: int

    def __str__(self) -> str:
        return f"{to_microseconds(self.requested_at)}-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFilter:
    """What operations have to be; `before` is the place of the last one seen.

    `resource_prefix` is an ordering path: of whole segments, ignoring case.
    """

    statuses: frozenset[OperationStatus] = frozenset()
    resource_prefix: str | None = None
    since: datetime | None = None
    limit: int = LONGEST_LIST
    before: Place | None = None


@dataclass(frozen=True, slots=True)
class OperationPage:
    """Operations, the newest first; `last` is the place of the last of them when there are more."""

    operations: Sequence[Operation]
    last: Place | None


def read_filter(query: Mapping[str, str]) -> OperationFilter:
    """Return what a query asks for.

    Raises:
        InvalidRequestError: with every fault.
    """
    faults: list[Fault] = []
    wanted = OperationFilter(
        statuses=read_statuses(query.get("status"), faults),
        resource_prefix=read_resource(query.get("resource"), faults),
        since=read_since(query.get("since"), faults),
        limit=read_limit(query.get("limit"), faults),
        before=read_place(query.get("before"), faults),
    )
    faults += unknown_parameters(query, {*PARAMETERS, "before"})
    if faults:
        raise InvalidRequestError(faults)
    return wanted


def next_query(query: Mapping[str, str], last: Place) -> str:
    """Return the query of the page after the one that `query` asked for."""
    given = {name: query[name] for name in PARAMETERS if name in query}
    return urlencode({**given, "before": str(last)})


def read_statuses(text: str | None, faults: list[Fault]) -> frozenset[OperationStatus]:
    if text is None:
        return frozenset()
    names = [name.strip().lower() for name in text.split(",")]
    if not all(name in STATUSES for name in names):
        offered = ", ".join(OperationStatus)
        faults.append(Fault("?status", f"must be one of {offered}, or several with commas between"))
    return frozenset(STATUSES[name] for name in names if name in STATUSES)


def read_resource(text: str | None, faults: list[Fault]) -> str | None:
    if text is None:
        return None
    path = folded_path(text) if len(text) <= LONGEST_RESOURCE else None
    if path is None:
        faults.append(Fault("?resource", "must be a path, such as /cloudservices/cs1"))
    return path


def read_since(text: str | None, faults: list[Fault]) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        faults.append(Fault("?since", "must be an instant, such as 2026-01-31T02:30:00Z"))
        return None


def read_limit(text: str | None, faults: list[Fault]) -> int:
    if text is None:
        return LONGEST_LIST
    found = LIMIT.fullmatch(text)
    limit = int(found[1]) if found else 0
    if not 1 <= limit <= LONGEST_LIST:
        faults.append(Fault("?limit", f"must be a whole number from 1 to {LONGEST_LIST}"))
        return LONGEST_LIST
    return limit


def read_place(text: str | None, faults: list[Fault]) -> Place | None:
    if text is None:
        return None
    found = PLACE.fullmatch(text)
    if found is None:
        faults.append(Fault("?before", "must be as a nextLink has it"))
        return None
    return Place(from_microseconds(int(found[1])), int(found[2]))
