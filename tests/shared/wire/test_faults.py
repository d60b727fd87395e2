import pytest

from shared.wire.faults import json_path


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((), "$"),
        (("action", "request", "uri"), "$.action.request.uri"),
        (("jobs", 3, "id"), "$.jobs[3].id"),
        (("headers", "Content-Type", "[key]"), "$.headers['Content-Type']"),
    ],
)
def test_a_location_is_written_as_a_json_path(
    location: tuple[str | int, ...], expected: str
) -> None:
    assert json_path(location) == expected
