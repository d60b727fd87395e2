"""Work on many rows, few in a transaction: statements run on the event loop, where a long one delays everybody."""

from collections.abc import Callable

from shared.sql.database import Database, Transaction

AT_ONCE = 500


async def in_steps(
    database: Database, step: Callable[[Transaction], int], *, at_once: int = AT_ONCE
) -> int:
    """Run `step` in transactions of its own until it finds fewer than `at_once` rows; returns how many in all."""
    total = 0
    while True:
        count = await database.run(step)
        total += count
        if count < at_once:
            return total
