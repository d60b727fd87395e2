"""Ranges of occurrences that were skipped: one row for consecutive ones, told when it opens and when it is complete."""

from datetime import datetime

from shared.events.cloudevent import CloudEvent
from shared.scheduler.announcements import JobPath, SkippedRange, SkipReason, skipped_event
from shared.scheduler.execution_store import HistoryStore, Range
from shared.sql.database import Transaction


class Skips:
    """Writes ranges and returns the events that tell of them."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    def add(
        self, tx: Transaction, skipped: Range, *, job_id: int, path: JobPath, now: datetime
    ) -> CloudEvent:
        """Write down a range that is complete."""
        range_id = self._store.skip(tx, job_id, skipped, is_open=False)
        return told(skipped, range_id, path=path, now=now, is_open=False)

    def overlap(
        self,
        tx: Transaction,
        occurrence: datetime,
        *,
        job_id: int,
        range_id: int | None,
        path: JobPath,
        now: datetime,
    ) -> tuple[int, CloudEvent | None]:
        """Extend the open range `range_id` to `occurrence`, or open one; returns its id, and what is to be told."""
        if range_id is not None:
            self._store.extend_skip(tx, range_id, occurrence=occurrence)
            return range_id, None
        opened = Range(reason=SkipReason.OVERLAP, first=occurrence, last=occurrence)
        new_id = self._store.skip(tx, job_id, opened, is_open=True)
        return new_id, told(opened, new_id, path=path, now=now, is_open=True)

    def close(self, tx: Transaction, range_id: int, *, path: JobPath, now: datetime) -> CloudEvent:
        """The job has an execution again, or none is to come."""
        closed = self._store.close_skip(tx, range_id)
        return told(closed, range_id, path=path, now=now, is_open=False)


def told(
    skipped: Range, range_id: int, *, path: JobPath, now: datetime, is_open: bool
) -> CloudEvent:
    return skipped_event(
        path,
        SkippedRange(
            id=f"{path.subject}/skipped/{range_id}",
            reason=skipped.reason,
            first=skipped.first,
            last=skipped.last,
        ),
        is_open=is_open,
        at=now,
    )
