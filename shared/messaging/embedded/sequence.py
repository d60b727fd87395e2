"""Sequence numbers: counted in memory, reserved on disk, never given twice.

Numbers outlive the messages (an idempotency key may be made of one), so they cannot be derived from what is stored. A
range is reserved in the transaction that first needs it, and counts as reserved only when that has been committed: a
savepoint rolled back later would take the reservation with it. What a process leaves of its range is never used.
"""

from functools import partial

from shared.messaging.embedded import statements as sql
from shared.sql.database import Transaction

RANGE = 1000


class SequenceNumbers:
    """Used on the event loop, where transactions run; there is one broker for a file."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._reserved = 0

    def take(self, transaction: Transaction, count: int) -> int:
        """Return the first of `count` consecutive numbers."""
        if self._next is None:
            self._next = int(transaction.driver.execute(sql.RESERVED).fetchone()[0]) + 1
        first = self._next
        self._next += count
        if self._next > self._reserved:
            through = self._next + RANGE
            transaction.driver.execute(sql.RESERVE, (through,))
            transaction.on_commit(partial(self._confirm, through))
        return first

    def _confirm(self, through: int) -> None:
        self._reserved = max(self._reserved, through)
