"""The page about operations says every word that the code has for them."""

import re
from pathlib import Path

import pytest

from shared.connector.operations import OperationStatus, Phase
from shared.wire.endpoint import AfterUnknown

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "life-of-an-operation.md"


def first_cells(header: str) -> list[str]:
    """Return the words in the first column of the table that begins so."""
    text = PAGE.read_text()
    table = text[text.index(f"| {header} |") :].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_picture_has_every_status_and_ends_where_operations_end() -> None:
    arrows = re.findall(r"^    (\S+) --> (\S+)", PAGE.read_text(), re.MULTILINE)

    assert {state for pair in arrows for state in pair} - {"[*]"} == set(OperationStatus)
    ends = {"Succeeded", "Failed", "Canceled"}
    assert {state for state, following in arrows if following == "[*]"} == ends
    assert all(following == "[*]" for state, following in arrows if state in ends)


@pytest.mark.parametrize(("header", "words"), [("phase", Phase), ("column", AfterUnknown)])
def test_tables_have_every_word(header: str, words: type[Phase | AfterUnknown]) -> None:
    assert first_cells(header) == [word.value for word in words]
