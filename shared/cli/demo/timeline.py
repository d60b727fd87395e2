"""What happens, one line each, with its time since the start and, where there is room, by the clock."""

import shutil
import textwrap
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from rich.console import Console, RenderableType
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
    "target": "blue",
}
COMPONENT_WIDTH = max(map(len, COLOURS))
PLAIN_WIDTH = 100
INSTANT_WIDTH = len(" +10.000 s")
WIDE = 136
# What another process saw is known here a moment later.
HOLD = timedelta(milliseconds=60)


def timeline_console() -> Console:
    """Return a console on stdout, as wide as the terminal, or as COLUMNS says, or of one width in a pipe or CI."""
    width = shutil.get_terminal_size(fallback=(PLAIN_WIDTH, 25)).columns
    return Console(highlight=False, width=width)


class Timeline:
    """Prints as it goes; a terminal also shows what is being waited for."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._started_at = clock.now()
        self._is_holding = False
        self._held: list[tuple[datetime, RenderableType]] = []

    @property
    def elapsed(self) -> timedelta:
        return self._clock.now() - self._started_at

    @property
    def is_wide(self) -> bool:
        """Whether there is room for everything; otherwise tell the same in fewer words."""
        return self._console.width >= WIDE

    @property
    def is_narrow(self) -> bool:
        """Whether there is no room for a table of many columns."""
        return self._console.width < PLAIN_WIDTH

    def since_start(self, instant: datetime) -> str:
        """Return when `instant` was, as the first column shows it."""
        return f"{(instant - self._started_at).total_seconds():+.3f} s"

    def step(self, number: int, title: str) -> None:
        self._put(Text.assemble("\n", (f"{number}. {title}", "bold")))

    def say(self, component: str, what: str, *, at: datetime | None = None) -> None:
        """Print one line; `at` is when it happened if that was not just now."""
        instant = at or self._clock.now()
        times = f"{self.since_start(instant):>{INSTANT_WIDTH}}"
        if self.is_wide:
            times += f"  {instant:%H:%M:%S}.{instant.microsecond // 1000:03}"
        column = len(times) + COMPONENT_WIDTH + 4
        lines = textwrap.wrap(
            what, self._console.width - column, break_long_words=False, break_on_hyphens=False
        )
        line = Text.assemble(
            (times, "dim"),
            "  ",
            (f"{component:{COMPONENT_WIDTH}}", COLOURS[component]),
            "  ",
            f"\n{' ' * column}".join(lines),
        )
        self._put(line, at=instant)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        numbers: Collection[str] = (),
        note: str = "",
    ) -> None:
        """Print a table; columns of numbers go to the right, and all but the last keep each cell on one line."""
        table = Table(header_style="bold")
        for column in columns:
            justify: Literal["left", "right"] = "right" if column in numbers else "left"
            table.add_column(column, no_wrap=column != columns[-1], justify=justify)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._put(Text.assemble("\n", (title, "bold")))
        self._put(table)
        if note:
            self._put(Text(note, style="dim"))

    def text(self, text: str, *, style: str = "") -> None:
        self._put(Text(text, style=style))

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show what is being waited for while the block runs; terminals only."""
        with self._console.status(Text(what, style="dim", no_wrap=True, overflow="ellipsis")):
            yield

    @contextmanager
    def holding(self) -> Iterator[None]:
        """While the block runs, print only what `print_due` finds old enough; the rest at its end."""
        self._is_holding = True
        try:
            yield
        finally:
            self._is_holding = False
            self._print_until(None)

    def print_due(self) -> None:
        """Print, in the order in which it happened, what nothing that is still unknown can come before."""
        self._print_until(self._clock.now() - HOLD)

    def _put(self, what: RenderableType, *, at: datetime | None = None) -> None:
        self._held.append((at or self._clock.now(), what))
        if not self._is_holding:
            self._print_until(None)

    def _print_until(self, limit: datetime | None) -> None:
        self._held.sort(key=lambda held: held[0])
        while self._held and (limit is None or self._held[0][0] <= limit):
            self._console.print(self._held.pop(0)[1], soft_wrap=True)
