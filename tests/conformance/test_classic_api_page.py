"""The reference of the classic API has the rows that the service has."""

import re
from pathlib import Path

from shared.wire.classic_catalogue import CLASSIC_ROWS
from shared.wire.endpoint import Endpoint

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "classic-api.md"
ROW = re.compile(r"\| `([A-Z]+)` \| `(/[^`]*)` \| ([0-9, ]+) \|")


def written(endpoint: Endpoint) -> tuple[str, str, str]:
    selector = "" if endpoint.selector is None else f"?{'='.join(endpoint.selector)}"
    success = ", ".join(str(status) for status in sorted(endpoint.success))
    return endpoint.method, f"{endpoint.path}{selector}", success


def test_the_page_has_every_row_of_the_catalogue_and_no_other() -> None:
    rows = [row.groups() for row in ROW.finditer(PAGE.read_text())]

    assert sorted(rows) == sorted(written(row) for row in CLASSIC_ROWS)
