"""What callers ask of the event log and of event subscriptions in a query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Fault, InvalidRequestError
from shared.events.filters import EVERYTHING, fault_of_type_filter
from shared.wire.queries import unknown_parameters
from shared.wire.times import parse_instant

DEFAULT_PAGE, LONGEST_PAGE = 100, 1000
LONGEST_WAIT = 20
LARGEST_NUMBER = 2**63 - 1
DIGITS = re.compile(r"0*([0-9]{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Events above a number, of some types, waited for when there are none."""

    since: int
    limit: int
    of_type: str
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeQuery:
    """What was published from an instant on, and before another one."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """A page of what has a number."""

    after: int
    limit: int


def read_log_query(query: Mapping[str, str]) -> LogQuery:
    """Raises InvalidRequestError with every fault."""
    faults: list[Fault] = []
    of_type = query.get("type", EVERYTHING)
    if fault := fault_of_type_filter(of_type):
        faults.append(Fault("?type", fault))
    found = LogQuery(
        since=read_number(query, "since", range(LARGEST_NUMBER + 1), faults),
        limit=read_limit(query, faults),
        of_type=of_type,
        within=timedelta(seconds=read_number(query, "wait", range(LONGEST_WAIT + 1), faults)),
    )
    faults += unknown_parameters(query, {"since", "limit", "type", "wait"})
    refuse(faults)
    return found


def read_range_query(query: Mapping[str, str], *, now: datetime) -> RangeQuery:
    """Return the range; it ends now where nothing else is said. Raises InvalidRequestError with every fault."""
    faults: list[Fault] = []
    if "since" not in query:
        faults.append(Fault("?since", "is required"))
    since = read_instant(query, "since", now, faults)
    until = read_instant(query, "until", now, faults)
    if not faults and since >= until:
        faults.append(Fault("?since", "must be before until, which is now where it is absent"))
    faults += unknown_parameters(query, {"since", "until"})
    refuse(faults)
    return RangeQuery(since=since, until=until)


def read_page_query(query: Mapping[str, str]) -> PageQuery:
    """Raises InvalidRequestError with every fault."""
    faults: list[Fault] = []
    found = PageQuery(
        after=read_number(query, "after", range(LARGEST_NUMBER + 1), faults),
        limit=read_limit(query, faults),
    )
    faults += unknown_parameters(query, {"after", "limit"})
    refuse(faults)
    return found


def check_no_query(query: Mapping[str, str]) -> None:
    """Raises InvalidRequestError with every fault; the platform's own parameters are none."""
    refuse(unknown_parameters(query))


def read_limit(query: Mapping[str, str], faults: list[Fault]) -> int:
    return read_number(query, "limit", range(1, LONGEST_PAGE + 1), faults, default=DEFAULT_PAGE)


def read_number(
    query: Mapping[str, str], name: str, allowed: range, faults: list[Fault], *, default: int = 0
) -> int:
    text = query.get(name)
    if text is None:
        return default
    found = DIGITS.fullmatch(text)
    if found is None or int(found[1]) not in allowed:
        faults.append(
            Fault(f"?{name}", f"must be a whole number from {allowed[0]} to {allowed[-1]}")
        )
        return default
    return int(found[1])


def read_instant(
    query: Mapping[str, str], name: str, default: datetime, faults: list[Fault]
) -> datetime:
    text = query.get(name)
    if text is None:
        return default
    try:
        # A plus sign in a query is a blank to most clients.
        return parse_instant(text.replace(" ", "+"))
    except ValueError as error:
        faults.append(Fault(f"?{name}", str(error)))
        return default


def refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidRequestError(faults)
