"""What happens, one line each, with its time since the start and by the clock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.clock import Clock

COLOURS = {
    "demo": "bold",
    "stack": "magenta",
    "scheduler": "magenta",
    "connector": "cyan",
    "queue": "yellow",
    "receiver": "green",
}
PLAIN_WIDTH = 136


def timeline_console() -> Console:
    """Return a console on stdout; where nobody watches (a pipe, CI) lines keep one width and hold no control codes."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


class Timeline:
    """Prints as it goes; a terminal also shows what is being waited for."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._started_at = clock.now()

    @property
    def elapsed(self) -> timedelta:
        return self._clock.now() - self._started_at

    def since_start(self, instant: datetime) -> str:
        """Return when `instant` was, as the first column shows it."""
        return f"{(instant - self._started_at).total_seconds():+8.3f} s"

    def step(self, number: int, title: str) -> None:
        self._console.print()
        self._console.print(Text(f"{number}. {title}", style="bold"))

    def say(self, component: str, what: str, *, at: datetime | None = None) -> None:
        """Print one line; `at` is when it happened if that was not just now."""
        instant = at or self._clock.now()
        row = Table.grid(padding=(0, 2))
        row.add_column(no_wrap=True, style="dim")
        row.add_column(no_wrap=True, style="dim")
        row.add_column(no_wrap=True, width=9)
        row.add_column(overflow="fold")
        row.add_row(
            self.since_start(instant),
            f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03}",
            Text(component, style=COLOURS[component]),
            Text(what),
        )
        self._console.print(row)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show what is being waited for while the block runs; terminals only."""
        with self._console.status(Text(what, style="dim")):
            yield

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print()
        self._console.print(table)

    def text(self, text: str, *, style: str = "") -> None:
        self._console.print(Text(text, style=style))
