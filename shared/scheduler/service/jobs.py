"""The endpoints of jobs: each returns what to do in a transaction, or what to read."""

from collections.abc import Callable
from datetime import datetime

from pydantic_core import from_json, to_json
from sqlalchemy import Connection

from shared.errors import Fault, InvalidRequestError, NotFoundError
from shared.scheduler.quota import allowance_of, check_count, check_job
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.exchange import Answer, Request
from shared.scheduler.service.names import check_stays, find_job_collection
from shared.scheduler.service.paging import read_page
from shared.scheduler.store import SchedulerStore, StoredJob, StoredJobCollection
from shared.sealing import Sealer
from shared.sql.database import Transaction
from shared.wire.bodies import read_job, read_job_patch
from shared.wire.job import MAX_JOB_BYTES, Job, JobState, JobStatus, job_answer, time_faults
from shared.wire.json_codec import encode_json
from shared.wire.json_types import JsonObject
from shared.wire.merge import merge
from shared.wire.model import read
from shared.wire.secret_members import map_secret_members

NEVER_EXECUTED = JobStatus()
TIMED_MEMBERS = frozenset({"startTime", "recurrence"})


class Jobs:
    """Jobs as the classic surface offers them; secrets are sealed before the transaction and never answered."""

    def __init__(self, store: SchedulerStore, sealer: Sealer, new_id: Callable[[], str]) -> None:
        self._store = store
        self._sealer = sealer
        self._new_id = new_id

    def create(self, request: Request) -> Effect:
        return self._put(request, self._new_id(), read_job(request.body, id=None))

    def create_or_update(self, request: Request) -> Effect:
        name = request.params["job"]
        return self._put(request, name, read_job(request.body, id=name))

    def patch(self, request: Request) -> Effect:
        name = request.params["job"]
        patch = self._sealed(read_job_patch(request.body, id=name), request, name)

        def effect(transaction: Transaction) -> Answer:
            collection = self._collection(transaction.connection, request)
            stored = self._job(transaction.connection, collection, name)
            changed = merge(from_json(stored.definition), patch)
            check_size(changed)
            job = read(Job, changed)
            if TIMED_MEMBERS & patch.keys():
                check_times(job, request.now)
            check_job(job, allowance_of(collection.definition))
            return self._replace(transaction, collection, stored, job.document())

        return effect

    def delete(self, request: Request) -> Effect:
        name = request.params["job"]

        def effect(transaction: Transaction) -> Answer:
            collection = self._collection(transaction.connection, request)
            if not self._store.jobs.delete(transaction.connection, collection.id, name):
                raise job_not_found(name)
            return Answer(status=200)

        return effect

    def get(self, request: Request) -> Callable[[Connection], Answer]:
        def query(connection: Connection) -> Answer:
            collection = find_job_collection(self._store, connection, request)
            job = self._job(connection, collection, request.params["job"])
            return Answer(status=200, body=encode_json(answered(job)))

        return query

    def list(self, request: Request) -> Callable[[Connection], Answer]:
        page = read_page(request.query)

        def query(connection: Connection) -> Answer:
            collection = find_job_collection(self._store, connection, request)
            jobs = self._store.jobs.list(
                connection, collection.id, state=page.state, skip=page.skip, top=page.top
            )
            return Answer(status=200, body=encode_json([answered(job) for job in jobs]))

        return query

    def _put(self, request: Request, name: str, job: Job) -> Effect:
        check_times(job, request.now)
        definition = self._sealed(job.document(), request, name)
        new = StoredJob(name=name, state=job.state, definition=to_json(definition).decode())

        def effect(transaction: Transaction) -> Answer:
            connection = transaction.connection
            collection = self._collection(connection, request)
            allowed = allowance_of(collection.definition)
            check_job(job, allowed)
            stored = self._store.jobs.find(connection, collection.id, name)
            if stored is not None:
                return self._replace(transaction, collection, stored, definition)
            check_count(allowed, present=self._store.jobs.count(connection, collection.id), added=1)
            self._store.jobs.insert(connection, collection.id, new)
            return Answer(status=201, body=encode_json(rendered(name, definition)))

        return effect

    def _replace(
        self,
        transaction: Transaction,
        collection: StoredJobCollection,
        stored: StoredJob,
        definition: JsonObject,
    ) -> Answer:
        new = StoredJob(
            name=stored.name,
            state=JobState(str(definition["state"])),
            definition=to_json(definition).decode(),
        )
        self._store.jobs.update(transaction.connection, collection.id, new)
        return Answer(status=200, body=encode_json(rendered(stored.name, definition)))

    def _collection(self, connection: Connection, request: Request) -> StoredJobCollection:
        collection = find_job_collection(self._store, connection, request)
        check_stays(collection)
        return collection

    def _job(self, connection: Connection, collection: StoredJobCollection, name: str) -> StoredJob:
        found = self._store.jobs.find(connection, collection.id, name)
        if found is None:
            raise job_not_found(name)
        return found

    def _sealed(self, document: JsonObject, request: Request, name: str) -> JsonObject:
        params = request.params
        context = "/".join(
            (request.subscription, params["cloud_service"], params["job_collection"], name)
        ).lower()
        sealed = map_secret_members(
            document, lambda secret: self._sealer.seal(secret, context=context)
        )
        assert isinstance(sealed, dict)
        sealed.pop("id", None)
        return sealed


def answered(job: StoredJob) -> JsonObject:
    return rendered(job.name, from_json(job.definition))


def rendered(name: str, definition: JsonObject) -> JsonObject:
    # No next execution: jobs are stored here and do not fire yet.
    return job_answer(definition, id=name, status=NEVER_EXECUTED)


def check_size(document: JsonObject) -> None:
    size = len(encode_json(document))
    if size > MAX_JOB_BYTES:
        found = f"would have {size} bytes, a job may have {MAX_JOB_BYTES}"
        raise InvalidRequestError([Fault("$", found)])


def check_times(job: Job, now: datetime) -> None:
    if faults := time_faults(job, now=now):
        raise InvalidRequestError(faults)


def job_not_found(name: str) -> NotFoundError:
    return NotFoundError(f"Job '{name}' cannot be found.", code="NotFound")
