"""The endpoints of jobs, of either surface: each returns what to do in a transaction, or what to read."""

from collections.abc import Callable

from pydantic_core import from_json, to_json
from sqlalchemy import Connection

from shared.clock import Clock
from shared.errors import NotFoundError
from shared.scheduler.action import sealing_context
from shared.scheduler.job_documents import check_size, check_times
from shared.scheduler.quota import allowance_of, check_count, check_job
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.scheduler.service.job_changes import (
    TIMED_MEMBERS,
    Definition,
    JobChanges,
    Site,
)
from shared.scheduler.service.job_form import JobForm
from shared.scheduler.service.names import (
    NamedCollection,
    check_stays,
    find_job_collection,
    named,
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
            site = self._site(transaction, request)
            stored = self._job(transaction.connection, site.collection, name)
            wanted = merged(stored, patch)
            if TIMED_MEMBERS & patch.keys():
                check_times(wanted.job, request.now)
            check_job(wanted.job, allowance_of(site.collection.definition))
            changed = self._changes.patch(transaction, site, stored, wanted, named=patch.keys())
            return self._shown(request, site, changed)

        return effect

    def delete(self, request: Request) -> Effect:
        def effect(transaction: Transaction) -> Answer:
            site = self._site(transaction, request)
            stored = self._job(transaction.connection, site.collection, request.params["job"])
            self._changes.delete(transaction, site, stored)
            return Answer(status=200)

        return effect

    def run(self, request: Request) -> Effect:
        def effect(transaction: Transaction) -> Answer:
            site = self._site(transaction, request)
            stored = self._job(transaction.connection, site.collection, request.params["job"])
            self._changes.run(transaction, site, stored, origin=request.origin)
            return Answer(status=200)

        return effect

    def get(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            collection = find_job_collection(self._store, connection, request)
            job = self._job(connection, collection, request.params["job"])
            shown = named(self._store, connection, collection)
            return Answer(status=200, body=self._form.job(request, shown, job))

        return query

    def list(self, request: Request) -> Query:
        page = self._form.read_page(request)

        def query(connection: Connection) -> Answer:
            collection = find_job_collection(self._store, connection, request)
            jobs = self._store.jobs.list(
                connection, collection.id, state=page.state, skip=page.skip, top=page.top
            )
            shown = named(self._store, connection, collection)
            return Answer(status=200, body=self._form.jobs(request, shown, jobs))

        return query

    def history(self, request: Request) -> Query:
        page = self._form.read_history_page(request)

        def query(connection: Connection) -> Answer:
            collection = find_job_collection(self._store, connection, request)
            job = self._job(connection, collection, request.params["job"])
            records = self._store.history.list(
                connection,
                job.id,
                status=page.status,
                state=page.state,
                skip=page.skip,
                top=page.top,
            )
            shown = named(self._store, connection, collection)
            return Answer(status=200, body=self._form.history(request, shown, records))

        return query

    def _put(self, request: Request, name: str, job: Job) -> Effect:
        check_times(job, request.now)
        sealed = self._sealed(job.document(), request, name)
        wanted = Definition(job=job, text=to_json(sealed).decode())

        def effect(transaction: Transaction) -> Answer:
            connection = transaction.connection
            site = self._site(transaction, request)
            allowed = allowance_of(site.collection.definition)
            check_job(job, allowed)
            stored = self._store.jobs.find(connection, site.collection.id, name)
            if stored is not None:
                changed = self._changes.put(transaction, site, stored, wanted)
                return self._shown(request, site, changed)
            present = self._store.jobs.count(connection, site.collection.id)
            check_count(allowed, present=present, added=1)
            created = self._changes.create(transaction, site, name, wanted)
            return self._shown(request, site, created, status=201)

        return effect

    def _shown(
        self,
        request: Request,
        site: Site,
        job: StoredJob,
        *,
        status: int = 200,
    ) -> Answer:
        shown = NamedCollection(site.cloud_service, site.collection.name)
        return Answer(status=status, body=self._form.job(request, shown, job))

    def _site(self, transaction: Transaction, request: Request) -> Site:
        connection = transaction.connection
        collection = find_job_collection(self._store, connection, request)
        check_stays(collection)
        if name := request.params.get("job"):
            self._store.locks.named(transaction, collection.id, name)
        return Site(
            subscription=request.subscription,
            cloud_service=named(self._store, connection, collection).cloud_service,
            collection=collection,
            request_id=request.id,
            # An occurrence that started while the body was on its way is past.
            now=self._clock.now(),
        )

    def _job(self, connection: Connection, collection: StoredJobCollection, name: str) -> StoredJob:
        found = self._store.jobs.find(connection, collection.id, name)
        if found is None:
            raise NotFoundError(f"Job '{name}' cannot be found.", code="NotFound")
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


def merged(stored: StoredJob, patch: JsonObject) -> Definition:
    """Return what `patch` makes of the stored definition.

    Raises:
        InvalidRequestError: that would be no job.
    """
    changed = merge_job(from_json(stored.definition), patch)
    check_size(changed)
    job = read_stored(Job, changed)
    return Definition(job=job, text=to_json(job.document()).decode())
