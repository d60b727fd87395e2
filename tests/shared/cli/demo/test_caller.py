"""How the timeline names paths where there is little room."""

import pytest

from shared.cli.demo.caller import end_of


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("", ""),
        ("/api/cloudservices/demo", "/api/cloudservices/demo"),
        ("/cloudservices/demo/jobcollections/reports", "…/jobcollections/reports"),
        ("http://127.0.0.1:7071/api/operations/1-2", "…/operations/1-2"),
    ],
)
def test_a_long_path_is_shown_by_its_last_kind_and_name(path: str, shown: str) -> None:
    assert end_of(path) == shown
