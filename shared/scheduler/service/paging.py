"""`$top`, `$skip` and `$filter` of lists."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from shared.errors import Fault, InvalidRequestError
from shared.wire.job import JobExecutionStatus, JobState

MAX_TOP = 1000
MAX_HISTORY_TOP, MAX_ARM_HISTORY_TOP = 100, 500
MAX_SKIP = 2**31 - 1
NUMBER = re.compile(r"\d{1,10}", re.ASCII)
FILTER = re.compile(r"\s*state\s+eq\s+'?([a-z]+)'?\s*", re.ASCII | re.IGNORECASE)
STATES = {state.value: state for state in JobState}
COMPARED = frozenset({"status", "state"})
HISTORY_FILTER = (
    f"must be 'status eq' and one of {', '.join(JobExecutionStatus)}, "
    f"or 'state eq' and one of {', '.join(JobState)}, or one of each with 'and' between"
)


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
    if NUMBER.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    faults.append(Fault(name, f"must be an integer from {least} to {most}"))
    return None


def read_state(text: str | None, faults: list[Fault]) -> JobState | None:
    if text is None:
        return None
    match = FILTER.fullmatch(text)
    state = STATES.get(match[1].lower()) if match else None
    if state is None:
        faults.append(Fault("$filter", f"must be 'state eq' and one of {', '.join(STATES)}"))
    return state


def read_history_filter(
    text: str | None, faults: list[Fault]
) -> tuple[JobExecutionStatus | None, JobState | None]:
    if text is None:
        return None, None
    try:
        asked = read_comparisons(text)
        status = JobExecutionStatus(asked["status"]) if "status" in asked else None
        state = JobState(asked["state"]) if "state" in asked else None
    except ValueError:
        faults.append(Fault("$filter", HISTORY_FILTER))
        return None, None
    return status, state


def read_comparisons(text: str) -> dict[str, str]:
    """Return what `status eq a and state eq b`, or one half of it, compares.

    Cut into words, since a pattern that looks for `and` among blanks is slow on very many of them.
    """
    words = text.lower().split()
    names, values = words[0::4], words[2::4]
    compared = dict(zip(names, values, strict=True))
    is_comparison = words[1::2] in (["eq"], ["eq", "and", "eq"])
    if not is_comparison or len(compared) < len(names) or not compared.keys() <= COMPARED:
        raise ValueError
    return {name: unquoted(value) for name, value in compared.items()}


def unquoted(word: str) -> str:
    is_quoted = len(word) > 1 and word[0] == word[-1] == "'"
    return word[1:-1] if is_quoted else word
