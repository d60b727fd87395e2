"""The port to a table with sealed values in it, for whoever looks after all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

Position = int | str


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A column of one row: sealed values, or JSON with some in it; each opens under `context`."""

    position: Position
    context: str
    text: str = field(repr=False)


class SealedRows(Protocol):
    """The rows of one table in the order of their positions, which new rows and old ones keep."""

    name: str
    """What an operator knows the table by."""

    def read(
        self, connection: Connection, *, after: Position | None, limit: int
    ) -> Sequence[SealedRow]:
        """Return the next `limit` rows behind `after` (None: the first ones), whether they have sealed values or not.

        A row without a text may be left out.
        """

    def replace(self, connection: Connection, row: SealedRow, text: str) -> bool:
        """Write `text` into the row if it still has the text that was read; returns whether it had."""

    def map_sealed(self, text: str, change: Callable[[str], str]) -> str:
        """Return `text` with every sealed value in it changed; the same text when nothing is."""
