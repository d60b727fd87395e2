"""What commands print: tables and lines for people, JSON for machines.

Whatever somebody else wrote goes through `printable` or `cell`, so that none of its control characters reaches the
terminal and no markup counts in it. Progress goes to stderr, and only to a terminal.
"""

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from shared.cli.cells import Cell

UNBOUNDED = 1_000_000
"""More columns than anything has: nothing is folded."""
MINUTE, HOUR, DAY = 60, 3600, 86400
STYLES = {
    "succeeded": "green",
    "completed": "green",
    "enabled": "green",
    "running": "cyan",
    "notstarted": "cyan",
    "disabled": "yellow",
    "canceled": "yellow",
    "failed": "red",
    "faulted": "red",
}


def show(shown: RenderableType) -> None:
    """Print what a command shows, as wide as the terminal; elsewhere nothing is cut or folded, and a row is a line."""
    if sys.stdout.isatty():
        Console(highlight=False).print(shown)
        return
    console = Console(file=io.StringIO(), width=UNBOUNDED, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    for line in captured.get().splitlines():
        print(line.rstrip())


def progress_output() -> Console:
    """Return the console of stderr."""
    return Console(stderr=True, highlight=False)


def printable(text: str) -> str:
    """Return `text` with everything escaped that is no visible character."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def cell(value: object, style: str = "") -> Text:
    """Return what a table shows of a value; a value that is missing is a dash."""
    if value is None or value == "":
        return Cell("–", style="dim")
    return Cell(printable(str(value)), style=style)


def status_cell(status: object) -> Text:
    """Return a status or state in its colour."""
    return cell(status, STYLES.get(str(status).lower(), ""))


def stacked(*lines: Text) -> Text:
    """Return lines of one cell below each other."""
    cells = Cell()
    for position, line in enumerate(lines):
        cells.append("\n" if position else "").append_text(line)
    return cells


def table_of(headers: Sequence[str], rows: Sequence[Sequence[RenderableType]]) -> Table:
    """Return a table without vertical lines; a header that begins with `>` aligns its column to the right, one with
    `!` is never broken over lines."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        is_right, is_whole = header.startswith(">"), header[:1] in (">", "!")
        table.add_column(
            header.lstrip(">!"),
            justify="right" if is_right else "left",
            no_wrap=is_whole,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*row)
    return table


@dataclass(frozen=True, slots=True)
class Fitting:
    """Rows in columns where there is room for that, else in another table with fewer of them.

    `least` is as wide as the last column need be, None for as wide as what is in it.
    """

    columns: Table
    narrow: Callable[[], RenderableType]
    least: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unbounded = options.update_width(UNBOUNDED)
        needed = Measurement.get(console, unbounded, self.columns).maximum
        if self.least is not None:
            last = self.columns.columns[-1].cells
            widest = max(Measurement.get(console, unbounded, each).maximum for each in last)
            needed -= max(0, widest - self.least)
        yield self.columns if needed <= options.max_width else self.narrow()


def facts_of(facts: Sequence[tuple[str, RenderableType]]) -> Table:
    """Return names with what there is to say of each."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, value)
    return table


def print_json(document: object) -> None:
    """Print a document for a machine; in ASCII, which a terminal may show as it is."""
    print(json.dumps(document, indent=2).replace("\x7f", "\\u007f"))


def duration_text(duration: timedelta) -> str:
    """Return a duration to two digits or so: `35ms`, `1.3s`, `12s`, `5m`, `3h`, `12d`."""
    seconds = abs(duration.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 10:
        return f"{seconds:.1f}s"
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"


def distance_text(instant: datetime | None, now: datetime) -> str | None:
    """Return how far away an instant is: `5m ago`, `in 3h`."""
    if instant is None:
        return None
    distance = duration_text(instant - now)
    return f"in {distance}" if instant > now else f"{distance} ago"


def many(number: int, what: str) -> str:
    """Return `1 letter`, `2,000 letters`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
