import io
import json
import os
import pty
import re
import subprocess
import sys
import termios
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from shared.cli.terminal import (
    Fitting,
    cell,
    distance_text,
    duration_text,
    many,
    print_json,
    printable,
    show,
    status_cell,
    table_of,
)
from tests.clocks import START

ROOT = Path(__file__).parents[3]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


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


NAMES = ("first", "a/" * 400)
"""Of which one fits no terminal."""
DRAW = """
from shared.cli.terminal import Fitting, cell, show, table_of
table = table_of(("Name", "Words"), [[cell("/a-name/" + "in-a-path/" * 6), cell("word " * 30)]])
show(Fitting(table, lambda: table_of(("Narrow",), [[cell("/a-name/" + "in-a-path/" * 6)]])))
"""


def test_into_a_pipe_every_value_is_whole_and_a_row_is_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [[cell(name), cell("word " * 200)] for name in NAMES]

    show(Fitting(table_of(("Name", "Words"), rows), lambda: pytest.fail("there is room")))

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(NAMES)
    assert [line.split()[0] for line in lines[2:]] == [*NAMES]
    assert [line.count("word") for line in lines[2:]] == [200, 200]
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(
    ("width", "header"), [(80, ["Narrow"]), (120, ["Narrow"]), (240, ["Name", "Words"])]
)
def test_a_terminal_gets_what_fits_it(width: int, header: list[str]) -> None:
    lines = on_a_terminal(width, DRAW)

    assert lines[0].split() == header
    assert max(map(len, lines)) <= width


def on_a_terminal(width: int, program: str) -> list[str]:
    """Return what a program shows on a terminal so wide."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (50, width))
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PATH": os.defpath},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    shown = b"".join(iter(lambda: read_terminal(ours), b""))
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    return [ESCAPES.sub("", line).rstrip() for line in shown.decode().splitlines()]


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # which is how Linux says that the other end is gone
        return b""


@pytest.mark.parametrize("least", [None, 40])
def test_a_last_column_of_prose_needs_no_more_than_its_least(least: int | None) -> None:
    wide = table_of(("!Name", "Words"), [[cell("x" * 30), cell("word " * 12)]])
    output = io.StringIO()

    Console(file=output, width=80).print(Fitting(wide, lambda: cell("narrow"), least=least))

    assert ("narrow" in output.getvalue()) is (least is None)
