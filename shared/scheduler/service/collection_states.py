"""The endpoints that change the state of all jobs of a collection; their callers wait while the jobs are changed."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from shared.errors import Fault, InvalidRequestError
from shared.scheduler.service.changes import GOES_ON, Effect
from shared.scheduler.service.containers import new_etag
from shared.scheduler.service.exchange import Answer, Query, Request, Target
from shared.scheduler.service.job_changes import STATE_MEMBERS
from shared.scheduler.service.job_form import JobForm
from shared.scheduler.service.names import check_stays, find_job_collection, named
from shared.scheduler.service.operation_steps import JobsArgument
from shared.scheduler.store import SchedulerStore, StoredJobCollection
from shared.sql.database import Transaction
from shared.wire.job_collection import JobCollectionState
from shared.wire.json_types import JsonObject
from shared.wire.queries import MAX_TOP


class CollectionStates:
    """Starts and stops collections, and enables and disables all jobs of one."""

    def __init__(self, store: SchedulerStore, form: JobForm, new_id: Callable[[], str]) -> None:
        self._store = store
        self._form = form
        self._new_id = new_id

    def enable(self, request: Request) -> Effect:
        return self._set(request, JobCollectionState.STARTED)

    def disable(self, request: Request) -> Effect:
        return self._set(request, JobCollectionState.STOPPED)

    def set_jobs_state(self, request: Request) -> Effect:
        patch = self._read_state(request)

        def effect(transaction: Transaction) -> Answer:
            found = find_job_collection(self._store, transaction.connection, request)
            check_stays(found)
            return going_on(found, JobsArgument(patch=patch))

        return effect

    def done(self, request: Request) -> Query:
        """Return what answers a collection that was started or stopped: nothing."""
        return lambda _: Answer(status=200)

    def jobs(self, request: Request) -> Query:
        """Return what answers a change of all jobs: all of them."""

        def query(connection: Connection) -> Answer:
            found = find_job_collection(self._store, connection, request)
            jobs = self._store.jobs.list(connection, found.id, state=None, skip=0, top=MAX_TOP)
            return Answer(status=200, body=self._form.jobs(request, named(found), jobs))

        return query

    def _set(self, request: Request, state: JobCollectionState) -> Effect:
        def effect(transaction: Transaction) -> Answer:
            found = find_job_collection(self._store, transaction.connection, request)
            check_stays(found)
            if found.state is not state:
                changed = replace(found, state=state, etag=new_etag(self._new_id))
                self._store.job_collections.update(transaction.connection, changed)
            return going_on(found, JobsArgument())

        return effect

    def _read_state(self, request: Request) -> JsonObject:
        patch = self._form.read_patch(request, id="")
        faults = [
            Fault(f"$.{name}", "is not changed for all jobs at once: only state and stateDetails")
            for name in patch
            if name not in STATE_MEMBERS
        ]
        if patch.get("state") is None:
            faults.append(Fault("$.state", "is required"))
        if faults:
            raise InvalidRequestError(faults)
        return patch


def going_on(collection: StoredJobCollection, argument: JobsArgument) -> Answer:
    target = Target(collection.cloud_service_id, collection.id, argument.encode())
    return Answer(status=GOES_ON, target=target)
