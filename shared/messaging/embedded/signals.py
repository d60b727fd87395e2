"""What the transactions of the broker tell it after their commit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from shared.sql.database import Transaction

Place = tuple[str, str | None]
"""An entity's path, and the session where it requires them."""


@dataclass(frozen=True, slots=True)
class Signals:
    """`arrived` is called on the event loop with the places that have new active messages, `waits_until` with the
    earliest of new instants."""

    arrived: Callable[[set[Place]], None]
    waits_until: Callable[[int], None]

    def after(self, tx: Transaction, places: set[Place], instant: int | None = None) -> None:
        """Tell of these once `tx` is committed."""
        if places:
            tx.on_commit(partial(self.arrived, places))
        if instant is not None:
            tx.on_commit(partial(self.waits_until, instant))
