"""What pydantic finds wrong, as faults with JSON paths; no input value ever gets into one."""

import re
from collections.abc import Iterable, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.errors import Fault

MAX_FAULTS = 100
MAX_STEP = 100
NOT_YET = frozenset({"policies"})
SENTENCE = "sentence"
"""The type of an error whose message clients of the retired service know word for word."""
OF_THE_WHOLE = frozenset({"missing", "empty"})
MESSAGES = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "tuple_type": "must be an array",
}

TOLD_BY_A_LIBRARY = re.compile(
    r"(?:Input|String|Tuple|List|Set|Dictionary|Value|Data) should (?P<rest>.*?)"
    r"(?: after validation, not \d+)?"
)


def faults_of(
    error: ValidationError, *, path: str = "$", is_partial: bool = False
) -> tuple[Fault, ...]:
    """Return one fault for each thing wrong, in the order of the members; `path` is the root of the document.

    What is missing from a partial document (a patch) or empty in it is no fault. Beyond 100 faults the rest are only
    counted, or a hostile document would be answered with ten times its size.
    """
    details = [
        detail
        for detail in told_once(
            error.errors(include_url=False, include_context=False, include_input=False)
        )
        if not (is_partial and detail["type"] in OF_THE_WHOLE)
    ]
    faults = [
        Fault(
            json_path(detail["loc"], root=path),
            _message(detail["type"], detail["msg"], detail["loc"]),
            is_sentence=detail["type"] == SENTENCE,
        )
        for detail in details[:MAX_FAULTS]
    ]
    if len(details) > MAX_FAULTS:
        faults.append(Fault(path, f"has {len(details) - MAX_FAULTS} more faults"))
    return tuple(faults)


def told_once(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out that an array is too short where elements of it are faulty: they were not counted."""
    parents = {detail["loc"][:-1] for detail in details}
    return [
        detail
        for detail in details
        if detail["type"] != "too_short" or detail["loc"] not in parents
    ]


def json_path(location: Iterable[str | int], *, root: str = "$") -> str:
    """Return `$.a.b[0]['odd name']`."""
    path = root
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]":
            continue
        elif step.isidentifier():
            path += f".{step[:MAX_STEP]}"
        else:
            path += f"[{step[:MAX_STEP]!r}]"
    return path


def _message(kind: str, message: str, location: tuple[str | int, ...]) -> str:
    if kind == "extra_forbidden":
        return _message_of_extra(location[-1])
    if kind in MESSAGES:
        return MESSAGES[kind]
    told = TOLD_BY_A_LIBRARY.fullmatch(message)
    return f"must {told['rest']}" if told else message


def _message_of_extra(member: str | int) -> str:
    if member in NOT_YET:
        return f"{member} is not supported yet"
    return "is not a known member"
