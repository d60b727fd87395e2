import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.faults import json_path
from shared.wire.json_types import JsonObject
from shared.wire.model import read
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


@pytest.mark.parametrize(("unknown", "counted"), [(99, 0), (100, 1)])
def test_p10_faults_beyond_a_hundred_are_counted(unknown: int, counted: int) -> None:
    document: JsonObject = {f"m{number}": 1 for number in range(unknown)}

    with pytest.raises(InvalidRequestError) as caught:
        read(ServiceError, document, path="$.body")

    faults = caught.value.faults
    assert len(faults) == 100 + counted
    assert (faults[-1] == Fault("$.body", "has 1 more faults")) == bool(counted)
