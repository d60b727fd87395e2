from typing import Annotated

import pytest
from pydantic import Field

from shared.errors import Fault, InvalidRequestError
from shared.wire.faults import json_path
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import WireModel, read
from shared.wire.operation import ServiceError


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((), "$"),
        (("action", "request", "uri"), "$.action.request.uri"),
        (("jobs", 3, "id"), "$.jobs[3].id"),
        (("headers", "Content-Type", "[key]"), "$.headers['Content-Type']"),
        (("a" * 101,), "$." + "a" * 100),
        (("-" * 101,), "$['" + "-" * 100 + "']"),
    ],
)
def test_a_location_is_written_as_a_json_path(
    location: tuple[str | int, ...], expected: str
) -> None:
    assert json_path(location) == expected


class Listed(WireModel):
    names: tuple[Annotated[str, Field(max_length=2)], ...] = Field(min_length=1, max_length=2)


@pytest.mark.parametrize(
    ("names", "faults"),
    [
        ([], [("$.names", "must have at least 1 item")]),
        (["a", "b", "c"], [("$.names", "must have at most 2 items")]),
        (["abc"], [("$.names[0]", "must have at most 2 characters")]),
        (["abc", 5], [("$.names[0]", "must have at most 2 characters"), ("$.names[1]", "must be a string")]),
    ],
)  # fmt: skip
def test_limits_are_told_in_our_words_and_once(
    names: list[Json], faults: list[tuple[str, str]]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Listed, {"names": names})

    assert [(fault.path, fault.message) for fault in caught.value.faults] == faults


@pytest.mark.parametrize(("unknown", "counted"), [(99, 0), (100, 1)])
def test_p10_faults_beyond_a_hundred_are_counted(unknown: int, counted: int) -> None:
    document: JsonObject = {f"m{number}": 1 for number in range(unknown)}

    with pytest.raises(InvalidRequestError) as caught:
        read(ServiceError, document, path="$.body")

    faults = caught.value.faults
    assert len(faults) == 100 + counted
    assert (faults[-1] == Fault("$.body", "has 1 more faults")) == bool(counted)
