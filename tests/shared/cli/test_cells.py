import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, Group

from shared.cli.cells import Cell, breaks

PATH = "/cloudservices/cs1/jobcollections/jc1/jobs/nightly"


def lines_of(text: str, width: int) -> list[str]:
    output = io.StringIO()
    Console(file=output, width=width).print(Group(Cell(text)))
    return output.getvalue().splitlines()


def folded(text: str, width: int) -> list[str]:
    """Return the lines of a text as `breaks` has them."""
    at = [0, *breaks(text, width), len(text)]
    return [text[one:other] for one, other in zip(at, at[1:], strict=False)]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        (PATH, 80, [PATH]),
        (PATH, 40, ["/cloudservices/cs1/jobcollections/jc1", "/jobs/nightly"]),
        (PATH, 15, ["/cloudservices", "/cs1", "/jobcollections", "/jc1/jobs", "/nightly"]),
        ("see https://a.example/b/c", 22, ["see https://a.example", "/b/c"]),
        ("no such job in a/b", 12, ["no such job ", "in a/b"]),
        ("x/a-name-that-is-long", 10, ["x", "/a-name-", "that-is-", "long"]),
        ("12345678901234", 10, ["1234567890", "1234"]),
    ],
)
def test_a_text_is_folded_where_a_reader_would_break_it(
    text: str, width: int, lines: list[str]
) -> None:
    assert folded(text, width) == lines


@given(st.text(alphabet="ab/-. é漢", max_size=60), st.integers(2, 30))
def test_nothing_is_lost_and_no_line_is_too_wide(text: str, width: int) -> None:
    lines = folded(text, width)

    assert "".join(lines) == text
    assert all(cell_len(line.rstrip()) <= width for line in lines if line.strip())


@given(st.text(alphabet="ab/", min_size=1, max_size=60), st.integers(1, 30))
def test_a_name_that_fits_a_line_is_on_one(text: str, width: int) -> None:
    names = [name for name in text.split("/") if name and len(name) < width]
    shown = [part for line in folded(text, width) for part in line.split("/")]

    assert [name for name in names if name not in shown] == []


def test_a_cell_is_drawn_as_it_is_folded() -> None:
    assert [line.rstrip() for line in lines_of(f"{PATH}\nend", 40)] == [
        "/cloudservices/cs1/jobcollections/jc1",
        "/jobs/nightly",
        "end",
    ]
