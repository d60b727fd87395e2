"""Rotation of the data key: what older keys of the ring sealed is sealed again under the current one.

A process that starts with more than one key in its ring goes once through every table with sealed values, in steps: it
reads some rows, and a transaction writes those that changed if they are still as they were read; else the step is
repeated. Whatever else is written meanwhile is sealed under the current key, or comes from the row that it replaces. It
can end anywhere: the next process begins anew and passes over what is done. When the older keys are out of the ring
there is nothing to look for.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from shared.data_keys.sealed_rows import Position, SealedRow, SealedRows
from shared.errors import ConfigurationError
from shared.sealing import FORMAT, Sealer, key_id_of
from shared.sql.database import Database, Transaction

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 200
STEPS_AT_ONCE = 50
"""In one run; the next sweep goes on."""


@dataclass(frozen=True, slots=True)
class Step:
    """Some rows of a table that were read: what is to be written, and the last position of them, None at the end."""

    changes: Sequence[tuple[SealedRow, str]]
    last: Position | None


class Resealing:
    """Goes through `tables` once in the life of a process."""

    def __init__(
        self, database: Database, tables: Iterable[SealedRows], *, sealer: Callable[[], Sealer]
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._tables = list(tables)
        self._after: Position | None = None
        self._running = asyncio.Lock()

    async def run_once(self) -> int:
        """Do some more steps, if any are left and nobody else is at it; returns how many rows were sealed anew."""
        if self._running.locked() or not self._tables or not self._sealer().older_keys:
            return 0
        async with self._running:
            resealed = 0
            for _ in range(STEPS_AT_ONCE):
                resealed += await self._step(self._tables[0])
                if not self._tables:
                    logger.info("looked for all that older keys sealed", extra={"action": "reseal"})
                    break
            return resealed

    async def _step(self, table: SealedRows) -> int:
        step = await self._database.read(partial(self._read, table))
        written = 0
        if step.changes:
            written = await self._database.run(partial(write, table, step.changes))
        if written < len(step.changes):
            return written  # somebody else wrote such a row: the same step again
        self._after = step.last
        if step.last is None:
            self._tables.remove(table)
        return written

    def _read(self, table: SealedRows, connection: Connection) -> Step:
        sealer = self._sealer()
        marks = [f"{FORMAT}.{key}." for key in sealer.older_keys]
        rows = table.read(connection, after=self._after, limit=ROWS_AT_ONCE)
        changes = []
        for row in rows:
            if any(mark in row.text for mark in marks):
                text = resealed(table, row, sealer)
                if text != row.text:
                    changes.append((row, text))
        return Step(changes, rows[-1].position if len(rows) == ROWS_AT_ONCE else None)


def resealed(table: SealedRows, row: SealedRow, sealer: Sealer) -> str:
    """Return the row's text under the current key; what cannot be opened stays as it is."""

    def change(sealed: str) -> str:
        if key_id_of(sealed) is None:
            return sealed
        try:
            return sealer.reseal(sealed, context=row.context)
        except ConfigurationError as error:
            logger.error(
                "a sealed value cannot be opened: %s",
                error,
                extra={"action": "reseal", "table": table.name, "row": row.position},
            )
            return sealed

    return table.map_sealed(row.text, change)


def write(
    table: SealedRows, changes: Sequence[tuple[SealedRow, str]], transaction: Transaction
) -> int:
    """Returns how many rows were still as they were read."""
    return sum(table.replace(transaction.connection, row, text) for row, text in changes)
