"""What a change of a job writes in the transaction of its request: the job, its plan, and what is told of it.

The definition says what its caller wants; in a collection that is stopped, an enabled one is stored disabled and held.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.errors import ConflictError
from shared.events.event_types import EventType
from shared.scheduler.announcements import JobPath, job_event
from shared.scheduler.job_documents import answered
from shared.scheduler.lifecycle import JobTrigger, next_state
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import Planned, Planner
from shared.scheduler.store import SchedulerStore, StoredJob, StoredJobCollection
from shared.sql.database import Transaction
from shared.wire.job import Job, JobState
from shared.wire.job_collection import JobCollectionState

TIMED_MEMBERS = frozenset({"startTime", "recurrence"})
STATE_MEMBERS = frozenset({"state", "stateDetails"})
FINAL = frozenset({JobState.COMPLETED, JobState.FAULTED})
TRIGGERS = {JobState.ENABLED: JobTrigger.ENABLE, JobState.DISABLED: JobTrigger.DISABLE}
EVENTS_OF_STATES = {
    JobState.ENABLED: EventType.JOB_ENABLED,
    JobState.DISABLED: EventType.JOB_DISABLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The collection whose jobs a request changes, and that request; names are as they were made."""

    subscription: str
    cloud_service: str
    collection: StoredJobCollection
    request_id: str
    now: datetime

    @property
    def is_stopped(self) -> bool:
        return self.collection.state is not JobCollectionState.STARTED

    def state(self, wanted: Job) -> JobState:
        """Return the state that a job has here whose caller wants it so."""
        return JobState.DISABLED if self.is_stopped else wanted.state

    def holds(self, wanted: Job) -> bool:
        """Whether a job is disabled here only because the collection is stopped."""
        return self.is_stopped and wanted.state is JobState.ENABLED

    def path(self, job: StoredJob) -> JobPath:
        return JobPath(
            subscription=self.subscription,
            cloud_service=self.cloud_service,
            job_collection=self.collection.name,
            job=job.name,
        )

    def planned(self, job: StoredJob) -> Planned:
        return Planned(job_id=job.id, path=self.path(job), request_id=self.request_id, now=self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A job as its caller wants it, and the text of it to be stored."""

    job: Job
    text: str = field(repr=False)


class JobChanges:
    """Writes jobs; what it returns is the job as it is afterwards.

    A change of a job that is in a final state raises ConflictError before anything is written.
    """

    def __init__(self, store: SchedulerStore, planner: Planner, outgoing: Outgoing) -> None:
        self._store = store
        self._planner = planner
        self._outgoing = outgoing

    def create(self, tx: Transaction, site: Site, name: str, wanted: Definition) -> StoredJob:
        """Add a job, of whose name there must be none."""
        new = StoredJob(
            name=name,
            state=site.state(wanted.job),
            definition=wanted.text,
            is_held=site.holds(wanted.job),
        )
        new_id = self._store.jobs.insert(tx.connection, site.collection.id, new)
        self._plan(tx, site, replace(new, id=new_id), wanted.job, resets=True)
        return self._told(tx, site, new, [EventType.JOB_CREATED])

    def put(self, tx: Transaction, site: Site, old: StoredJob, wanted: Definition) -> StoredJob:
        """Define a job anew; its counters begin again."""
        new = self._write(tx, site, old, wanted)
        self._plan(tx, site, new, wanted.job, resets=True)
        return self._told(tx, site, new, [EventType.JOB_UPDATED, *change_of_state(old, new)])

    def patch(
        self, tx: Transaction, site: Site, old: StoredJob, wanted: Definition, *, named: Set[str]
    ) -> StoredJob:
        """Change the members of a job that are `named`; its occurrences stay as they are if they can."""
        new = self._write(tx, site, old, wanted)
        told = change_of_state(old, new)
        if told or named & TIMED_MEMBERS:
            self._plan(tx, site, new, wanted.job, resets=False)
        if not told or named - STATE_MEMBERS:
            told = [EventType.JOB_UPDATED, *told]
        return self._told(tx, site, new, told)

    def settle(self, tx: Transaction, site: Site, job: StoredJob, wanted: Definition) -> None:
        """Have a job as `wanted` in a collection that may have been started or stopped; nothing when it is so already.

        A job that has ended stays as it is.
        """
        is_final = job.state in FINAL
        now = (job.state, job.is_held, job.definition)
        if not is_final and now != (site.state(wanted.job), site.holds(wanted.job), wanted.text):
            self.patch(tx, site, job, wanted, named=STATE_MEMBERS)

    def delete(self, tx: Transaction, site: Site, job: StoredJob) -> None:
        """Remove a job with everything that was planned for it."""
        self._planner.forget(tx, site.planned(job))
        self._store.jobs.delete(tx.connection, site.collection.id, job.name)
        self._tell(tx, site, job, [EventType.JOB_DELETED])

    def run(self, tx: Transaction, site: Site, job: StoredJob, *, origin: str) -> None:
        """Have a job run at once; its own occurrences stay as they are. In a stopped collection nothing runs."""
        if site.is_stopped:
            raise ConflictError(
                f"The job collection '{site.collection.name}' is stopped; its jobs do not run.",
                code="Conflict",
            )
        next_state(job.state, JobTrigger.RUN, job=job.name)
        self._planner.run_now(tx, site.planned(job), origin=origin)

    def _write(self, tx: Transaction, site: Site, old: StoredJob, wanted: Definition) -> StoredJob:
        state = next_state(old.state, TRIGGERS[site.state(wanted.job)], job=old.name)
        new = replace(old, state=state, definition=wanted.text, is_held=site.holds(wanted.job))
        self._store.jobs.update(tx.connection, site.collection.id, new)
        return new

    def _plan(
        self, tx: Transaction, site: Site, job: StoredJob, definition: Job, *, resets: bool
    ) -> None:
        planned = site.planned(job)
        if site.state(definition) is JobState.DISABLED:
            self._planner.stop(tx, planned, resets=resets)
        else:
            self._planner.define(tx, planned, definition, resets=resets)

    def _told(
        self, tx: Transaction, site: Site, job: StoredJob, told: Sequence[EventType]
    ) -> StoredJob:
        now = self._store.jobs.find(tx.connection, site.collection.id, job.name)
        assert now is not None, "it was written in this transaction"
        if now.state is JobState.COMPLETED:
            told = [*told, EventType.JOB_COMPLETED]
        self._tell(tx, site, now, told)
        return now

    def _tell(self, tx: Transaction, site: Site, job: StoredJob, told: Sequence[EventType]) -> None:
        path, document = site.path(job), answered(job)
        cause = f"{site.request_id}/{job.id}"
        self._outgoing.insert(
            tx,
            [job_event(one, path, document=document, cause=cause, at=site.now) for one in told],
        )


def change_of_state(old: StoredJob, new: StoredJob) -> Sequence[EventType]:
    return [] if old.state is new.state else [EVENTS_OF_STATES[new.state]]
