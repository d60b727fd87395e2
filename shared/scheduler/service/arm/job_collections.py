"""Job collections as resources of ARM (contract section B.2)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic_core import to_json
from sqlalchemy import Connection

from shared.errors import InvalidRequestError
from shared.scheduler.quota import allowance
from shared.scheduler.service.arm.gateway_errors import collection_elsewhere
from shared.scheduler.service.arm.groups import ResourceGroups, location_in
from shared.scheduler.service.arm.job_form import listed
from shared.scheduler.service.arm.malformed import below_properties, read_object
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.collection_states import going_on
from shared.scheduler.service.containers import defined, new_etag, region_of
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.scheduler.service.names import check_stays, find_cloud_service, find_job_collection
from shared.scheduler.service.operation_steps import JobsArgument
from shared.scheduler.service.plans import check_jobs, check_plan
from shared.scheduler.store import SchedulerStore, StoredCloudService, StoredJobCollection
from shared.sql.database import Transaction
from shared.wire.arm_collection import (
    STATES,
    CollectionResource,
    collection_answer,
    patchable,
)
from shared.wire.arm_ids import COLLECTION_TYPE, group_id
from shared.wire.endpoint import Surface
from shared.wire.job_collection import CollectionDefinition, JobCollectionState, OperationResult
from shared.wire.json_types import JsonObject
from shared.wire.merge import merge
from shared.wire.model import read, respelled_members

RESOURCE_TYPE = f"resource type '{COLLECTION_TYPE}'"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants of a collection."""

    definition: CollectionDefinition
    state: JobCollectionState


class ArmCollections:
    """Reads, makes and changes collections; what their jobs have to do with it goes on as an operation."""

    def __init__(
        self, store: SchedulerStore, groups: ResourceGroups, new_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._groups = groups
        self._new_id = new_id

    def create_or_update(self, request: Request) -> Effect:
        wanted = wanted_by(read_object(request.body))
        location = wanted.definition.location or ""

        def effect(transaction: Transaction) -> Answer:
            connection = transaction.connection
            group = self._groups.find_or_make(connection, request, location)
            found = self._find(connection, request)
            written = self._write(connection, request, group, found, wanted)
            if is_moved(found, written):
                return going_on(written, JobsArgument())
            return shown(group, written, request, status=201)

        return effect

    def patch(self, request: Request) -> Effect:
        document = read_object(request.body)
        patch, twice = respelled_members(CollectionResource, document, path="$")
        if twice:
            raise InvalidRequestError(twice)

        def effect(transaction: Transaction) -> Answer:
            connection = transaction.connection
            found = find_job_collection(self._store, connection, request)
            group = find_cloud_service(self._store, connection, request)
            wanted = wanted_by(merge(patchable(resource_of(group, found, request)), patch))
            written = self._write(connection, request, group, found, wanted)
            if is_moved(found, written):
                return going_on(written, JobsArgument())
            return shown(group, written, request, status=200)

        return effect

    def get(self, request: Request) -> Query:
        return self._shown(request, status=200)

    def created(self, request: Request) -> Query:
        """Return what answers a PUT: 201, whether or not there was one before."""
        return self._shown(request, status=201)

    def list(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            group = find_cloud_service(self._store, connection, request)
            found = self._store.job_collections.list_of(connection, group.id)
            return Answer(status=200, body=self._listed(request, {group.id: group}, found))

        return query

    def list_all(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            services = self._store.cloud_services.list(connection, request.subscription)
            groups = {one.id: one for one in services}
            found = self._store.job_collections.list(connection, request.subscription)
            return Answer(status=200, body=self._listed(request, groups, found))

        return query

    def _shown(self, request: Request, *, status: int) -> Query:
        def query(connection: Connection) -> Answer:
            found = find_job_collection(self._store, connection, request)
            group = self._store.cloud_services.get(connection, found.cloud_service_id)
            assert group is not None, "a collection is in a cloud service"
            return shown(group, found, request, status=status)

        return query

    def _listed(
        self,
        request: Request,
        groups: Mapping[int, StoredCloudService],
        found: Iterable[StoredJobCollection],
    ) -> bytes:
        """Return the body of a list in the order of names, as recorded."""

        def names(row: StoredJobCollection) -> tuple[str, str]:
            return groups[row.cloud_service_id].name.lower(), row.name.lower()

        return listed(
            resource_of(groups[row.cloud_service_id], row, request)
            for row in sorted(found, key=names)
        )

    def _find(self, connection: Connection, request: Request) -> StoredJobCollection | None:
        group, name = request.params["cloud_service"], request.params["job_collection"]
        return self._store.job_collections.find(connection, request.subscription, group, name)

    def _write(
        self,
        connection: Connection,
        request: Request,
        group: StoredCloudService,
        found: StoredJobCollection | None,
        wanted: Wanted,
    ) -> StoredJobCollection:
        definition = wanted.definition
        if found is not None:
            check_stays(found)
            check_location(request, group, found, definition)
            check_jobs(self._store, connection, found, definition)
        check_plan(self._store, connection, request.subscription, wanted=definition, found=found)
        new = StoredJobCollection(
            id=found.id if found else 0,
            cloud_service_id=group.id,
            name=found.name if found else request.params["job_collection"],
            etag=new_etag(self._new_id),
            plan=definition.plan,
            definition=to_json(definition.document()).decode(),
            operation_type="Update" if found else "Create",
            operation_result=OperationResult.SUCCEEDED,
            state=wanted.state,
            surface=found.surface if found else Surface.ARM,
        )
        if found is None:
            return replace(new, id=self._store.job_collections.insert(connection, new))
        self._store.job_collections.update(connection, new)
        return new


def wanted_by(document: JsonObject) -> Wanted:
    """Raises RequestError: with every fault, or what the gateway says first."""
    location = location_in(document, resource_type=RESOURCE_TYPE)
    resource = read(CollectionResource, document)
    definition = resource.definition(location)
    with below_properties():
        allowance(definition)
    return Wanted(definition, STATES[resource.properties.state])


def check_location(
    request: Request,
    group: StoredCloudService,
    found: StoredJobCollection,
    wanted: CollectionDefinition,
) -> None:
    """Raises ConflictError: a resource stays where it is."""
    location = defined(found).location or region_of(group)
    if wanted.location is not None and wanted.location != location:
        raise collection_elsewhere(
            request.params["cloud_service"], found.name, asked=wanted.location, found=location
        )


def resource_of(
    group: StoredCloudService, found: StoredJobCollection, request: Request
) -> JsonObject:
    definition = defined(found)
    return collection_answer(
        group_id(request.params["subscription"], group.name),
        found.name,
        definition,
        location=definition.location or region_of(group),
        state=found.state,
    )


def is_moved(found: StoredJobCollection | None, written: StoredJobCollection) -> bool:
    """Whether the state of a collection is another one now, so that its jobs have to follow."""
    return found is not None and found.state is not written.state


def shown(
    group: StoredCloudService, found: StoredJobCollection, request: Request, *, status: int
) -> Answer:
    return Answer(status=status, body=to_json(resource_of(group, found, request)))
