"""What a change of a job writes in the transaction of its request: the job, its plan, and what is told of it.

The definition says what its caller wants; in a collection that is stopped, an enabled one is stored disabled and held.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic_core import to_json

from shared.errors import ConflictError
from shared.events.cloudevent import NO_EXTENSIONS, ExtensionValue
from shared.events.event_types import EventType
from shared.scheduler.announcements import JobPath, job_event
from shared.scheduler.job_documents import answered, shown
from shared.scheduler.lifecycle import JobTrigger, next_state
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import Planned, Planner
from shared.scheduler.store import SchedulerStore, StoredJob, StoredJobCollection
from shared.sql.database import Transaction
from shared.trace_context import TRACEPARENT
from shared.wire.job import Job, JobState, JobStatus
from shared.wire.job_collection import JobCollectionState
from shared.wire.json_types import JsonObject

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
    collection: StoredJobCollection
    request_id: str
    now: datetime
    traceparent: str | None = None
    """The trace of that request; its own follow-up later on is in none."""

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
            cloud_service=self.collection.cloud_service,
            job_collection=self.collection.name,
            job=job.name,
        )

    def planned(self, job: StoredJob) -> Planned:
        return Planned(job=job, path=self.path(job), now=self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A job as its caller wants it, and what of it is to be stored: its document, secrets sealed, and that as text."""

    job: Job
    document: JsonObject = field(repr=False)
    text: str = field(repr=False)


def stored_as(job: Job, document: JsonObject) -> Definition:
    """Return a definition whose secrets are sealed in `document`."""
    return Definition(job=job, document=document, text=to_json(document).decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A job as it is answered after a change, and what comes next of it."""

    document: JsonObject
    next_occurrence: datetime | None


class JobChanges:
    """Writes jobs; what it returns follows from what was read and written, and is not read again.

    A change of a job that is in a final state raises ConflictError before anything is written.
    """

    def __init__(self, store: SchedulerStore, planner: Planner, outgoing: Outgoing) -> None:
        self._store = store
        self._planner = planner
        self._outgoing = outgoing

    def create(self, tx: Transaction, site: Site, name: str, wanted: Definition) -> Changed:
        """Add a job, of whose name there must be none."""
        new = StoredJob(
            name=name,
            state=site.state(wanted.job),
            definition=wanted.text,
            is_held=site.holds(wanted.job),
        )
        new_id = self._store.jobs.insert(tx.connection, site.collection.id, new)
        planned = self._plan(tx, site, replace(new, id=new_id), wanted.job, resets=True)
        return self._told(tx, site, planned, wanted, [EventType.JOB_CREATED])

    def put(self, tx: Transaction, site: Site, old: StoredJob, wanted: Definition) -> Changed:
        """Define a job anew; its counters begin again."""
        new = self._write(tx, site, old, wanted)
        planned = self._plan(tx, site, new, wanted.job, resets=True)
        told = [EventType.JOB_UPDATED, *change_of_state(old, new)]
        return self._told(tx, site, planned, wanted, told)

    def patch(
        self, tx: Transaction, site: Site, old: StoredJob, wanted: Definition, *, named: Set[str]
    ) -> Changed:
        """Change the members of a job that are `named`; its occurrences stay as they are if they can."""
        new = self._write(tx, site, old, wanted)
        told = change_of_state(old, new)
        if told or named & TIMED_MEMBERS:
            new = self._plan(tx, site, new, wanted.job, resets=False)
        if not told or named - STATE_MEMBERS:
            told = [EventType.JOB_UPDATED, *told]
        return self._told(tx, site, new, wanted, told)

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
        self._tell(tx, site, job, [EventType.JOB_DELETED], answered(job))

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
        if new != old:
            self._store.jobs.update(tx.connection, site.collection.id, new)
        return new

    def _plan(
        self, tx: Transaction, site: Site, job: StoredJob, definition: Job, *, resets: bool
    ) -> StoredJob:
        """Return the job with the state and the status that its new plan leaves it with."""
        planned, status = site.planned(job), JobStatus() if resets else job.status
        if site.state(definition) is JobState.DISABLED:
            self._planner.stop(tx, planned, resets=resets)
            return replace(job, status=with_next(status, None))
        following = self._planner.define(tx, planned, definition, resets=resets)
        state = JobState.COMPLETED if following is None else job.state
        return replace(job, state=state, status=with_next(status, following))

    def _told(
        self,
        tx: Transaction,
        site: Site,
        job: StoredJob,
        wanted: Definition,
        told: Sequence[EventType],
    ) -> Changed:
        if job.state is JobState.COMPLETED:
            told = [*told, EventType.JOB_COMPLETED]
        document = shown(job, wanted.document)
        self._tell(tx, site, job, told, document)
        return Changed(document=document, next_occurrence=job.status.next_execution_time)

    def _tell(
        self,
        tx: Transaction,
        site: Site,
        job: StoredJob,
        told: Sequence[EventType],
        document: JsonObject,
    ) -> None:
        path, cause = site.path(job), f"{site.request_id}/{job.id}"
        trace: Mapping[str, ExtensionValue] = NO_EXTENSIONS
        if site.traceparent is not None:
            trace = {TRACEPARENT: site.traceparent}
        events = [
            job_event(one, path, document=document, cause=cause, at=site.now, extensions=trace)
            for one in told
        ]
        self._outgoing.insert(tx, events)


def with_next(status: JobStatus, following: datetime | None) -> JobStatus:
    return status.model_copy(update={"next_execution_time": following})


def change_of_state(old: StoredJob, new: StoredJob) -> Sequence[EventType]:
    return [] if old.state is new.state else [EVENTS_OF_STATES[new.state]]
