"""The port: what looks at other Schedulers have left, so that each record is told once whoever looks next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.connector.history_looks import SeenJob
from shared.events.cloudevent import CloudEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to look at a collection until then; `since` is its last look that came to an end, if there was one."""

    collection: str
    attempt: int
    until: datetime
    since: datetime | None


class PolledHistoryStore(Protocol):
    """Jobs of polled collections by their names in lower case; what a method writes is one transaction."""

    async def take(self, collection: str, *, now: datetime) -> Turn | None:
        """Take the lease of a collection; None while somebody holds it, or had it less than half a minute ago."""

    async def seen(self, collection: str) -> Mapping[str, SeenJob]:
        """Return every job of a collection that a look has seen."""

    async def unknown(self, ids: Sequence[str]) -> frozenset[str]:
        """Return which of these ids no event of the log has."""

    async def tell(self, turn: Turn, job: str, seen: SeenJob, events: Sequence[CloudEvent]) -> None:
        """Write down what is known of a job, and insert events, those with a known id excepted.

        Raises:
            LeaseLostError: somebody else has the turn; nothing is written.
        """

    async def forget(self, turn: Turn, job: str) -> None:
        """Drop a job that is gone.

        Raises:
            LeaseLostError: as `tell`.
        """

    async def end(self, turn: Turn, *, looked_at: datetime | None) -> None:
        """Give the lease back; `looked_at` is there when the look saw everything. Somebody else's turn goes on."""
