"""`$top`, `$skip` and `$filter` of lists."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from shared.errors import Fault, InvalidRequestError
from shared.wire.job import JobState

MAX_TOP = 1000
MAX_SKIP = 2**31 - 1
NUMBER = re.compile(r"\d{1,10}", re.ASCII)
FILTER = re.compile(r"\s*state\s+eq\s+'?([a-z]+)'?\s*", re.ASCII | re.IGNORECASE)
STATES = {state.value: state for state in JobState}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Up to `top` items after the first `skip`, of any state when it is None."""

    top: int = MAX_TOP
    skip: int = 0
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


def read_query(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise InvalidRequestError([Fault("query", "has more than 20 parameters")]) from None


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
