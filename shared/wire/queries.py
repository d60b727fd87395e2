"""The queries of lists, and of the question whether a name is free: texts, as URLs and commands have them."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.errors import Fault
from shared.wire.faults import MAX_STEP
from shared.wire.job import JobExecutionStatus, JobState
from shared.wire.model import WireModel, check_plain

MAX_TOP, MAX_HISTORY_TOP, MAX_SKIP = 1000, 100, 2**31 - 1
NUMBER = re.compile(r"\d{1,10}", re.ASCII)
STATE_FILTER = re.compile(r"\s*state\s+eq\s+'?([a-z]+)'?\s*", re.ASCII | re.IGNORECASE)
COMPARED = frozenset({"status", "state"})
LONGEST_FILTER = 200
OF_THE_PLATFORM = frozenset({"code", "clientId"})
"""The key of a function, and the name of the key; the host reads them."""
STATES_EXPECTED = f"must be 'state eq' and one of {', '.join(JobState)}"
HISTORY_EXPECTED = (
    f"must be 'status eq' and one of {', '.join(JobExecutionStatus)}, "
    f"or 'state eq' and one of {', '.join(JobState)}, or one of each with 'and' between"
)


def unknown_parameters(query: Mapping[str, str], known: Collection[str] = ()) -> list[Fault]:
    """Return a fault for each parameter that is neither of `known` nor the platform's; a URL is too short for many."""
    return [
        Fault(f"?{name[:MAX_STEP]}", "is not a known parameter")
        for name in query
        if name not in known and name not in OF_THE_PLATFORM
    ]


def whole_number(text: str, *, least: int, most: int) -> int:
    """Raises ValueError unless `text` is a whole number in these bounds."""
    if NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
        raise ValueError(f"must be an integer from {least} to {most}")
    return int(text)


def asked_state(text: str) -> JobState:
    """Return the state that a filter of jobs asks for, in any case and in quotes or not.

    Raises:
        ValueError.
    """
    match = STATE_FILTER.fullmatch(text)
    try:
        return JobState(match[1].lower() if match else "")
    except ValueError:
        raise ValueError(STATES_EXPECTED) from None


def asked_of_history(text: str) -> tuple[JobExecutionStatus | None, JobState | None]:
    """Return the status and the state that a filter of records asks for.

    Raises:
        ValueError.
    """
    try:
        asked = comparisons(text)
        status = JobExecutionStatus(asked["status"]) if "status" in asked else None
        state = JobState(asked["state"]) if "state" in asked else None
    except ValueError:
        raise ValueError(HISTORY_EXPECTED) from None
    return status, state


def comparisons(text: str) -> Mapping[str, str]:
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


def checked_by(read: Callable[[str], object]) -> AfterValidator:
    """Return a validator that takes what `read` can read, and leaves it as it is."""

    def check(text: str) -> str:
        try:
            read(text)
        except ValueError as error:
            raise PydanticCustomError("query", "{found}", {"found": str(error)}) from None
        return text

    return AfterValidator(check)


def number_from(least: int, most: int) -> AfterValidator:
    return checked_by(lambda text: whole_number(text, least=least, most=most))


def digits(least: int, most: int) -> WithJsonSchema:
    """A text in a query, but what a document of the API calls a number."""
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


Top = Annotated[str, number_from(1, MAX_TOP), digits(1, MAX_TOP)]
HistoryTop = Annotated[str, number_from(1, MAX_HISTORY_TOP), digits(1, MAX_HISTORY_TOP)]
Skip = Annotated[str, number_from(0, MAX_SKIP), digits(0, MAX_SKIP)]
LIMITED = Field(max_length=LONGEST_FILTER)


class JobsQuery(WireModel):
    """Which jobs of a collection a list has."""

    top: Annotated[Top | None, Field(alias="$top")] = None
    skip: Annotated[Skip | None, Field(alias="$skip")] = None
    filter: Annotated[
        Annotated[str, LIMITED, checked_by(asked_state)] | None, Field(alias="$filter")
    ] = None


class HistoryQuery(WireModel):
    """Which records of a job a list has, the newest first."""

    top: Annotated[HistoryTop | None, Field(alias="$top")] = None
    skip: Annotated[Skip | None, Field(alias="$skip")] = None
    filter: Annotated[
        Annotated[str, LIMITED, checked_by(asked_of_history)] | None, Field(alias="$filter")
    ] = None


class CheckNameQuery(WireModel):
    """The name that a new collection is to have; whether it can have it is the answer, so any text is a question."""

    resource_name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(check_plain)]
