"""Text in tables: folded where a reader would break it, at blanks and before the slashes of a path."""

import re
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.containers import Lines
from rich.text import Text

# A URL keeps its scheme and host together.
PIECE = re.compile(r"\s+|(?:[A-Za-z]+:/)?/?[^\s/]+|/+")
PART = re.compile(r"[^-._]+[-._]*|[-._]+")
"""Of a name that is too long by itself."""


class Cell(Text):
    """A text that is broken inside a name only where the name alone is wider than its column."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        """Return the lines of the text; see `Text.wrap`."""
        folded = [
            part
            for line in self.split(allow_blank=True)
            for part in line.divide(list(breaks(line.plain, width)))
        ]
        return Text("\n").join(folded).wrap(console, width, **options)


def breaks(text: str, width: int) -> Iterator[int]:
    """Yield where lines after the first begin, so that none is wider; blanks may hang over their ends."""
    used = 0
    for piece in PIECE.finditer(text):
        if piece[0].isspace():
            used += cell_len(piece[0])
            continue
        at = piece.start()
        if used and cell_len(piece[0]) > width:
            yield at
            used = 0
        for part in parts_of(piece[0], max(width, 1)):
            if used and used + cell_len(part) > width:
                yield at
                used = 0
            used += cell_len(part)
            at += len(part)


def parts_of(piece: str, width: int) -> Iterator[str]:
    """Yield what is not to be broken of a piece, each no wider than a column."""
    if cell_len(piece) <= width:
        yield piece
        return
    for part in PART.findall(piece):
        yield from chop_cells(part, width)
