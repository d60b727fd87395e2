"""`$top`, `$skip` and `$filter` of lists."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from shared.errors import Fault, InvalidRequestError
from shared.wire.job import JobExecutionStatus, JobState
from shared.wire.queries import (
    MAX_HISTORY_TOP,
    MAX_SKIP,
    MAX_TOP,
    asked_of_history,
    asked_state,
    whole_number,
)

MAX_ARM_HISTORY_TOP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Up to `top` items after the first `skip`, of any state when it is None."""

    top: int = MAX_TOP
    skip: int = 0
    state: JobState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Up to `top` records after the first `skip`, the newest first; `state` is the job's when the record was made."""

    top: int = MAX_HISTORY_TOP
    skip: int = 0
    status: JobExecutionStatus | None = None
    state: JobState | None = None


def read_page(query: str) -> Page:
    """Raises InvalidRequestError with every fault; members of other names are ignored."""
    given = read_query(query)
    faults: list[Fault] = []
    page = Page(
        top=read_number(given, "$top", least=1, most=MAX_TOP, faults=faults) or MAX_TOP,
        skip=read_number(given, "$skip", least=0, most=MAX_SKIP, faults=faults) or 0,
        state=read_state(given.get("$filter"), faults),
    )
    if faults:
        raise InvalidRequestError(faults)
    return page


def read_history_page(query: str, *, most: int = MAX_HISTORY_TOP) -> HistoryPage:
    """Return the page that a query asks for, of `most` records unless it says of how many.

    Raises:
        InvalidRequestError: with every fault; members of other names are ignored.
    """
    given = read_query(query)
    faults: list[Fault] = []
    top = read_number(given, "$top", least=1, most=most, faults=faults)
    skip = read_number(given, "$skip", least=0, most=MAX_SKIP, faults=faults)
    status, state = read_history_filter(given.get("$filter"), faults)
    if faults:
        raise InvalidRequestError(faults)
    return HistoryPage(top=top or most, skip=skip or 0, status=status, state=state)


def read_query(query: str) -> dict[str, str]:
    """Return the members of a query, names in lower case; of equal ones the last counts."""
    try:
        members = parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise InvalidRequestError([Fault("query", "has more than 20 parameters")]) from None
    return {name.lower(): value for name, value in members}


def read_number(
    given: dict[str, str], name: str, *, least: int, most: int, faults: list[Fault]
) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        return whole_number(text, least=least, most=most)
    except ValueError as error:
        faults.append(Fault(name, str(error)))
        return None


def read_state(text: str | None, faults: list[Fault]) -> JobState | None:
    try:
        return None if text is None else asked_state(text)
    except ValueError as error:
        faults.append(Fault("$filter", str(error)))
        return None


def read_history_filter(
    text: str | None, faults: list[Fault]
) -> tuple[JobExecutionStatus | None, JobState | None]:
    try:
        return (None, None) if text is None else asked_of_history(text)
    except ValueError as error:
        faults.append(Fault("$filter", str(error)))
        return None, None
