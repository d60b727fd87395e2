"""The endpoints of jobs, of either surface: each returns what to do in a transaction, or what to read."""

from collections.abc import Callable

from pydantic_core import from_json
from sqlalchemy import Connection

from shared.clock import Clock
from shared.errors import NotFoundError
from shared.scheduler.action import sealing_context
from shared.scheduler.announcements import JobPath
from shared.scheduler.job_documents import answered, check_size, check_times
from shared.scheduler.quota import allowance_of, check_count, check_job
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.scheduler.service.job_changes import (
    TIMED_MEMBERS,
    Changed,
    Definition,
    JobChanges,
    Site,
    stored_as,
)
from shared.scheduler.service.job_form import JobForm
from shared.scheduler.service.names import (
    check_stays,
    find_job_collection,
    job_collection_not_found,
    named,
    path_of,
)
from shared.scheduler.store import SchedulerStore, StoredJob, StoredJobCollection
from shared.sealing import Sealer
from shared.sql.database import Transaction
from shared.wire.job import Job
from shared.wire.job_patch import merge_job
from shared.wire.json_types import JsonObject
from shared.wire.model import read_stored
from shared.wire.secret_members import map_secret_members


class Jobs:
    """Jobs in the form of one surface; secrets are sealed before the transaction and never answered."""

    def __init__(
        self,
        store: SchedulerStore,
        changes: JobChanges,
        form: JobForm,
        *,
        sealer: Sealer,
        new_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._store = store
        self._changes = changes
        self._form = form
        self._sealer = sealer
        self._new_id = new_id
        self._clock = clock

    def create(self, request: Request) -> Effect:
        return self._put(request, self._new_id(), self._form.read_job(request, id=None))

    def create_or_update(self, request: Request) -> Effect:
        name = request.params["job"]
        return self._put(request, name, self._form.read_job(request, id=name))

    def patch(self, request: Request) -> Effect:
        name = request.params["job"]
        patch = self._sealed(self._form.read_patch(request, id=name), request, name)

        def effect(transaction: Transaction) -> Answer:
            site, found = self._site(transaction, request, name)
            stored = present(found, name)
            wanted = merged(stored, patch)
            if TIMED_MEMBERS & patch.keys():
                check_times(wanted.job, request.now)
            check_job(wanted.job, allowance_of(site.collection.definition))
            changed = self._changes.patch(transaction, site, stored, wanted, named=patch.keys())
            return self._shown(request, site, changed)

        return effect

    def delete(self, request: Request) -> Effect:
        name = request.params["job"]

        def effect(transaction: Transaction) -> Answer:
            site, found = self._site(transaction, request, name)
            self._changes.delete(transaction, site, present(found, name))
            return Answer(status=200)

        return effect

    def run(self, request: Request) -> Effect:
        name = request.params["job"]

        def effect(transaction: Transaction) -> Answer:
            site, found = self._site(transaction, request, name)
            self._changes.run(transaction, site, present(found, name), origin=request.origin)
            return Answer(status=200)

        return effect

    def get(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            collection, job = self._job(connection, request)
            body = self._form.job(request, named(collection), answered(job))
            return Answer(status=200, body=body)

        return query

    def list(self, request: Request) -> Query:
        page = self._form.read_page(request)

        def query(connection: Connection) -> Answer:
            collection = find_job_collection(self._store, connection, request)
            jobs = self._store.jobs.list(
                connection, collection.id, state=page.state, skip=page.skip, top=page.top
            )
            return Answer(status=200, body=self._form.jobs(request, named(collection), jobs))

        return query

    def history(self, request: Request) -> Query:
        page = self._form.read_history_page(request)

        def query(connection: Connection) -> Answer:
            collection, job = self._job(connection, request)
            records = self._store.history.list(
                connection,
                job.id,
                status=page.status,
                state=page.state,
                skip=page.skip,
                top=page.top,
            )
            body = self._form.history(request, named(collection), records)
            return Answer(status=200, body=body)

        return query

    def _put(self, request: Request, name: str, job: Job) -> Effect:
        check_times(job, request.now)
        sealed = self._sealed(job.document(), request, name)
        wanted = stored_as(job, sealed)

        def effect(transaction: Transaction) -> Answer:
            site, stored = self._site(transaction, request, name)
            allowed = allowance_of(site.collection.definition)
            check_job(job, allowed)
            if stored is not None:
                changed = self._changes.put(transaction, site, stored, wanted)
                return self._shown(request, site, changed)
            count = self._store.jobs.count(transaction.connection, site.collection.id)
            check_count(allowed, present=count, added=1)
            created = self._changes.create(transaction, site, name, wanted)
            return self._shown(request, site, created, status=201)

        return effect

    def _shown(
        self, request: Request, site: Site, changed: Changed, *, status: int = 200
    ) -> Answer:
        body = self._form.job(request, named(site.collection), changed.document)
        return Answer(status=status, body=body, next_occurrence=changed.next_occurrence)

    def _site(
        self, transaction: Transaction, request: Request, name: str
    ) -> tuple[Site, StoredJob | None]:
        """Return the collection of a job that is to be changed, and the job, locked."""
        path = path_of(request, name)
        self._store.locks.at(transaction, path)
        collection, job = self._found(transaction.connection, request, path)
        check_stays(collection)
        site = Site(
            subscription=request.subscription,
            collection=collection,
            request_id=request.id,
            traceparent=request.traceparent,
            # An occurrence that started while the body was on its way is past.
            now=self._clock.now(),
        )
        return site, job

    def _job(
        self, connection: Connection, request: Request
    ) -> tuple[StoredJobCollection, StoredJob]:
        name = request.params["job"]
        collection, job = self._found(connection, request, path_of(request, name))
        return collection, present(job, name)

    def _found(
        self, connection: Connection, request: Request, path: JobPath
    ) -> tuple[StoredJobCollection, StoredJob | None]:
        found = self._store.jobs.at(connection, path)
        if found is None:
            raise job_collection_not_found(request)
        return found

    def _sealed(self, document: JsonObject, request: Request, name: str) -> JsonObject:
        context = sealing_context(
            subscription=request.subscription,
            cloud_service=request.params["cloud_service"],
            job_collection=request.params["job_collection"],
            job=name,
        )
        sealed = map_secret_members(
            document, lambda secret: self._sealer.seal(secret, context=context)
        )
        assert isinstance(sealed, dict)
        sealed.pop("id", None)
        return sealed


def present(found: StoredJob | None, name: str) -> StoredJob:
    """Raises NotFoundError."""
    if found is None:
        raise NotFoundError(f"Job '{name}' cannot be found.", code="NotFound")
    return found


def merged(stored: StoredJob, patch: JsonObject) -> Definition:
    """Return what `patch` makes of the stored definition.

    Raises:
        InvalidRequestError: that would be no job.
    """
    changed = merge_job(from_json(stored.definition), patch)
    check_size(changed)
    job = read_stored(Job, changed)
    return stored_as(job, job.document())
