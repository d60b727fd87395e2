"""The endpoints of cloud services and job collections: changes are accepted here and go on as operations."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection

from shared.errors import ConflictError, PreconditionFailedError
from shared.scheduler.quota import allowance
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.exchange import Answer, Query, Request, Target
from shared.scheduler.service.names import check_stays, find_cloud_service, find_job_collection
from shared.scheduler.service.plans import check_jobs, check_plan
from shared.scheduler.service.required import required
from shared.scheduler.store import SchedulerStore, StoredCloudService, StoredJobCollection
from shared.sql.database import Transaction
from shared.wire.bodies import check_body
from shared.wire.cloud_service import CloudService, CloudServiceAnswer
from shared.wire.endpoint import Surface
from shared.wire.job_collection import (
    CollectionDefinition,
    JobCollection,
    JobCollectionAnswer,
    JobCollectionState,
    OperationError,
    OperationResult,
)
from shared.wire.json_codec import encode_json
from shared.wire.json_types import JsonObject, parse_json
from shared.wire.merge import merge
from shared.wire.model import read, read_json
from shared.wire.names import name_faults
from shared.wire.provider import encode_name_availability
from shared.wire.xml_codec import (
    decode_cloud_service,
    decode_job_collection,
    encode_cloud_service_answer,
    encode_cloud_services,
    encode_job_collection_answer,
)


class CloudServices:
    """The containers of collections."""

    def __init__(self, store: SchedulerStore, new_id: Callable[[], str]) -> None:
        self._store = store
        self._new_id = new_id

    def create_or_update(self, request: Request) -> Effect:
        service = decode_cloud_service(request.body)
        new = StoredCloudService(
            name=request.params["cloud_service"],
            etag=new_etag(self._new_id),
            definition=json.dumps(service.document()),
        )

        def effect(transaction: Transaction) -> Answer:
            store, connection = self._store.cloud_services, transaction.connection
            found = store.find(connection, request.subscription, new.name)
            if found is None:
                id = store.insert(connection, request.subscription, new)
                return Answer(status=202, etag=new.etag, target=Target(id))
            check_stays(found)
            region = region_of(found)
            if region != service.geo_region:
                raise ConflictError(f"The cloud service '{found.name}' is in {region} already.")
            store.update(connection, replace(new, id=found.id))
            return Answer(status=202, etag=new.etag, target=Target(found.id))

        return effect

    def delete(self, request: Request) -> Effect:
        def effect(transaction: Transaction) -> Answer:
            found = find_cloud_service(self._store, transaction.connection, request)
            check_stays(found)
            self._store.cloud_services.update(
                transaction.connection, replace(found, is_deleting=True)
            )
            return Answer(status=202, target=Target(found.id))

        return effect

    def get(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            found = find_cloud_service(self._store, connection, request)
            collections = self._store.job_collections.list_of(connection, found.id)
            body = encode_cloud_service_answer(cloud_service_answer(found, collections))
            return Answer(status=200, body=body, etag=found.etag)

        return query

    def list(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            services = self._store.cloud_services.list(connection, request.subscription)
            members: dict[int, list[StoredJobCollection]] = {one.id: [] for one in services}
            for row in self._store.job_collections.list(connection, request.subscription):
                members[row.cloud_service_id].append(row)
            answers = [cloud_service_answer(one, members[one.id]) for one in services]
            return Answer(status=200, body=encode_cloud_services(answers))

        return query


class JobCollections:
    """Plan and quota for jobs."""

    def __init__(self, store: SchedulerStore, new_id: Callable[[], str]) -> None:
        self._store = store
        self._new_id = new_id

    def create_or_update(self, request: Request) -> Effect:
        wanted = decode_job_collection(request.body)
        allowance(wanted)
        if_match = request.headers.get(b"if-match", b"").decode("latin-1").strip()

        def effect(transaction: Transaction) -> Answer:
            store, connection = self._store.job_collections, transaction.connection
            service = find_cloud_service(self._store, connection, request)
            check_stays(service)
            name = request.params["job_collection"]
            found = store.find(connection, request.subscription, service.name, name)
            check_etag(found, if_match)
            check_plan(self._store, connection, request.subscription, wanted=wanted, found=found)
            new = StoredJobCollection(
                id=found.id if found else 0,
                cloud_service_id=service.id,
                name=name,
                etag=new_etag(self._new_id),
                plan=wanted.plan,
                definition=json.dumps(redefined(found, wanted).document()),
                operation_type="Update" if found else "Create",
                operation_result=OperationResult.IN_PROGRESS,
                state=found.state if found else JobCollectionState.STARTED,
                surface=found.surface if found else request.endpoint.surface,
            )
            if found is None:
                new = replace(new, id=store.insert(connection, new))
            else:
                check_stays(found)
                try:
                    check_jobs(self._store, connection, found, wanted)
                except ConflictError as error:
                    # Jobs speak of a conflict by another code than the front end.
                    raise ConflictError(error.message) from error
                store.update(connection, new)
            return Answer(status=202, etag=new.etag, target=Target(service.id, new.id))

        return effect

    def patch(self, request: Request) -> Effect:
        """Return what changes plan, quota and label by a merge patch, at once; the retired service had it on ARM."""
        patch = check_body(request.endpoint, parse_json(request.body), params=request.params) or {}

        def effect(transaction: Transaction) -> Answer:
            store, connection = self._store.job_collections, transaction.connection
            found = find_job_collection(self._store, connection, request)
            check_stays(found)
            service = find_cloud_service(self._store, connection, request)
            wanted = read(JobCollection, merge(patchable(found), patch))
            allowance(wanted)
            check_plan(self._store, connection, request.subscription, wanted=wanted, found=found)
            check_jobs(self._store, connection, found, wanted)
            changed = replace(
                found,
                etag=new_etag(self._new_id),
                plan=wanted.plan,
                definition=json.dumps(redefined(found, wanted).document()),
                operation_type="Update",
                operation_result=OperationResult.SUCCEEDED,
                error_message=None,
            )
            store.update(connection, changed)
            answer = job_collection_answer(changed, geo_region=region_of(service))
            return Answer(status=200, body=encode_json(answer.document()))

        return effect

    def delete(self, request: Request) -> Effect:
        def effect(transaction: Transaction) -> Answer:
            found = find_job_collection(self._store, transaction.connection, request)
            check_stays(found)
            leaving = replace(
                found,
                operation_type="Delete",
                operation_result=OperationResult.IN_PROGRESS,
                error_message=None,
                is_deleting=True,
            )
            self._store.job_collections.update(transaction.connection, leaving)
            return Answer(status=202, target=Target(found.cloud_service_id, found.id))

        return effect

    def get(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            service = find_cloud_service(self._store, connection, request)
            found = find_job_collection(self._store, connection, request)
            answer = job_collection_answer(found, geo_region=region_of(service))
            return Answer(status=200, body=encode_job_collection_answer(answer))

        return query

    def check_name(self, request: Request) -> Query:
        """Return whether a collection of that name can be made: it is none that is taken, and one that can be given.

        In a cloud service that is not there every name is free.
        """
        name = required(request, "resourceName")
        service = request.params["cloud_service"]

        def query(connection: Connection) -> Answer:
            store = self._store.job_collections
            found = store.find(connection, request.subscription, service, name)
            is_available = found is None and not name_faults({"job_collection": name})
            return Answer(status=200, body=encode_name_availability(is_available=is_available))

        return query


def redefined(found: StoredJobCollection | None, wanted: JobCollection) -> CollectionDefinition:
    """Return what is stored of a definition; what only ARM can say of the collection stays."""
    old = CollectionDefinition() if found is None else defined(found)
    new = CollectionDefinition(plan=wanted.plan, quota=wanted.quota, label=wanted.label)
    return new.model_copy(update={"location": old.location, "tags": old.tags})


def patchable(row: StoredJobCollection) -> JsonObject:
    """Return what a merge patch of the classic surface changes."""
    document = defined(row).document()
    return {name: document[name] for name in ("plan", "quota", "label") if name in document}


def defined(row: StoredJobCollection) -> CollectionDefinition:
    return read_json(CollectionDefinition, row.definition.encode())


def check_etag(found: StoredJobCollection | None, if_match: str) -> None:
    """Raises PreconditionFailedError unless `If-Match`, where there is one, names what is there (RFC 9110, 13.1.1)."""
    if not if_match:
        return
    tags = [tag.strip().removeprefix("W/").strip('"').lower() for tag in if_match.split(",")]
    if found is None or ("*" not in tags and found.etag.lower() not in tags):
        present = f"is {found.etag}" if found else "does not exist"
        raise PreconditionFailedError(f"The job collection {present}; If-Match says otherwise.")


def new_etag(new_id: Callable[[], str]) -> str:
    return str(UUID(new_id()))


def region_of(service: StoredCloudService) -> str:
    return read_json(CloudService, service.definition.encode()).geo_region


def cloud_service_answer(
    service: StoredCloudService, collections: Sequence[StoredJobCollection]
) -> CloudServiceAnswer:
    definition = read_json(CloudService, service.definition.encode())
    return CloudServiceAnswer(
        name=service.name,
        label=definition.label,
        description=definition.description,
        geo_region=definition.geo_region,
        resources=tuple(job_collection_answer(one, geo_region=None) for one in collections),
    )


def job_collection_answer(
    row: StoredJobCollection, *, geo_region: str | None
) -> JobCollectionAnswer:
    definition = defined(row)
    return JobCollectionAnswer(
        name=row.name,
        geo_region=geo_region and (definition.location or geo_region),
        etag=row.etag,
        state=row.state,
        plan=definition.plan,
        quota=definition.quota,
        label=definition.label,
        is_arm_born=row.surface is Surface.ARM,
        operation_type=row.operation_type,
        operation_result=OperationResult(row.operation_result),
        error=OperationError(http_code=500, message=row.error_message)
        if row.error_message
        else None,
    )
