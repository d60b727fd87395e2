import io
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from shared.cli.terminal import (
    cell,
    distance_text,
    duration_text,
    many,
    print_json,
    printable,
    status_cell,
    table_of,
)
from tests.clocks import START


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.0354, "35ms"),
        (1.26, "1.3s"),
        (12.7, "13s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (47 * 3600, "47h"),
        (12.5 * 86400, "12d"),
    ],
)
def test_durations_have_two_digits_or_so(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


def test_instants_are_told_by_their_distance() -> None:
    assert distance_text(START + timedelta(hours=3), START) == "in 3h"
    assert distance_text(START - timedelta(minutes=5), START) == "5m ago"
    assert distance_text(None, START) is None


@given(st.text())
def test_p8_no_control_character_of_a_text_reaches_the_terminal(text: str) -> None:
    assert printable(text).isprintable()


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_table_shows_a_text_as_it_is_without_markup(text: str) -> None:
    output = io.StringIO()

    Console(file=output, width=10_000).print(table_of(("!Name",), [[cell(text)]]))

    shown = "".join(output.getvalue().splitlines()[2:])
    assert shown.rstrip() == (printable(text) or "–").rstrip()


def test_what_is_missing_is_a_dash_and_a_status_has_a_colour() -> None:
    assert cell(None).plain == "–"
    assert (cell(0).plain, cell(False).plain) == ("0", "False")
    assert str(status_cell("Failed").style) == "red"
    assert str(status_cell("[bold]").style) == ""


def test_numbers_of_things_are_told_in_words() -> None:
    assert [many(number, "letter") for number in (0, 1, 2000)] == [
        "0 letters",
        "1 letter",
        "2,000 letters",
    ]


def test_documents_for_machines_are_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"a": "\x1b\x7f\x9b\u202eä"}

    print_json(document)

    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable()
    assert json.loads(shown) == document
