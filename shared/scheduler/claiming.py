"""The transaction that claims: executions, next occurrences, and what was missed, for up to 500 jobs."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import from_json

from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.messaging.steps import AT_ONCE
from shared.scheduler.announcements import BY_SCHEDULE, SkipReason, job_event
from shared.scheduler.execution_store import DueJob, NewExecution, Range
from shared.scheduler.job_documents import answered
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import Planned, Planner
from shared.scheduler.skips import Skips
from shared.scheduler.store import SchedulerStore, StoredJob
from shared.scheduler.timing import Claim, claim
from shared.sql.database import Transaction
from shared.wire.job import Job
from shared.wire.model import read_stored

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a transaction of claims left: events to be sent, whether it found all, and if so what comes next."""

    has_told: bool
    is_last: bool
    next_occurrence: datetime | None = None


class Claims:
    """Claims occurrences."""

    def __init__(
        self,
        store: SchedulerStore,
        planner: Planner,
        outgoing: Outgoing,
        *,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._planner = planner
        self._outgoing = outgoing
        self._skips = Skips(store.history)
        self._new_id = new_id

    def claim(self, tx: Transaction, *, now: datetime, until: datetime) -> Tick:
        """Claim what is due, earliest first; a job that cannot be claimed is faulted and takes no other with it."""
        due = self._store.timings.due(tx, until=until, limit=AT_ONCE)
        claims: list[tuple[DueJob, Claim]] = []
        events: list[CloudEvent] = []
        for job in due:
            try:
                found = decide(job, now)
            except Exception:  # whatever is wrong with one job, the others are due
                logger.exception(
                    "job cannot be planned", extra={"action": "claim", "job": job.path.subject}
                )
                self._planner.give_up(tx, self._planned(tx, job, now))
                events.append(self._ended(tx, job, EventType.JOB_FAULTED, now))
                continue
            if isinstance(found, Claim):
                claims.append((job, found))
            elif not self._planner.define(tx, self._planned(tx, job, now), found, resets=True):
                events.append(self._ended(tx, job, EventType.JOB_COMPLETED, now))
        self._write(tx, claims, now=now)
        events += self._missed(tx, claims, now=now)
        if events:
            self._outgoing.insert(tx, events)
        if len(due) == AT_ONCE:
            return Tick(has_told=bool(events), is_last=False)
        following = self._store.timings.earliest(tx)
        if not due and following is not None and following <= until:
            # Another process is claiming it at this moment.
            following = None
        is_last = following is None or following > until
        return Tick(has_told=bool(events), is_last=is_last, next_occurrence=following)

    def _write(self, tx: Transaction, claims: list[tuple[DueJob, Claim]], *, now: datetime) -> None:
        rows = [
            NewExecution(
                id=self._new_id(),
                job_id=job.id,
                generation=job.generation,
                origin=BY_SCHEDULE,
                occurrence=found.occurrence,
                path=job.path,
            )
            for job, found in claims
        ]
        if rows:
            self._store.executions.claim(tx, rows, now=now)
            self._store.timings.advance(tx, [(job.id, found) for job, found in claims])

    def _missed(
        self, tx: Transaction, claims: list[tuple[DueJob, Claim]], *, now: datetime
    ) -> list[CloudEvent]:
        events = []
        for job, found in claims:
            if found.missed is not None:
                first, last = found.missed
                missed = Range(reason=SkipReason.MISSED, first=first, last=last)
                events.append(self._skips.add(tx, missed, job_id=job.id, path=job.path, now=now))
        return events

    def _planned(self, tx: Transaction, job: DueJob, now: datetime) -> Planned:
        return Planned(job=self._find(tx, job), path=job.path, now=now)

    def _ended(
        self, tx: Transaction, job: DueJob, event_type: EventType, now: datetime
    ) -> CloudEvent:
        stored = self._find(tx, job)
        try:
            document = answered(stored)
        except ValueError:  # the definition is what was wrong with it
            document = {"id": stored.name, "state": stored.state.value}
        # An id of a job is never given again, and a job ends once.
        cause = f"{job.path.subject}/{job.id}"
        return job_event(event_type, job.path, document=document, cause=cause, at=now)

    def _find(self, tx: Transaction, job: DueJob) -> StoredJob:
        found = self._store.jobs.find(tx.connection, job.job_collection_id, job.path.job)
        assert found is not None, "it was found due in this transaction"
        return found


def decide(job: DueJob, now: datetime) -> Claim | Job:
    """Return the claim, or the definition of a job from before there was an engine: it has to be planned first."""
    if job.definition is None:
        return claim(job.timing(), now=now)
    return read_stored(Job, from_json(job.definition))
