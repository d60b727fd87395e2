"""Resource groups: a cloud service of the same name, as far as scripts from those days need one."""

from collections.abc import Callable
from dataclasses import replace

from pydantic_core import to_json
from sqlalchemy import Connection

from shared.errors import NotFoundError
from shared.scheduler.service.arm.gateway_errors import (
    from_gateway,
    group_being_deleted,
    group_elsewhere,
    location_not_available,
    location_required,
)
from shared.scheduler.service.arm.headers import operation_result
from shared.scheduler.service.arm.malformed import read_object
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.containers import new_etag, region_of
from shared.scheduler.service.exchange import Answer, Query, Request, refused
from shared.scheduler.service.names import find_cloud_service
from shared.scheduler.store import SchedulerStore, StoredCloudService
from shared.sql.database import Transaction
from shared.wire.arm_ids import deletion_id, group_id, group_of_deletion
from shared.wire.cloud_service import CloudService, compact, display_region
from shared.wire.json_types import Json, JsonObject
from shared.wire.operation import OperationStatus

DESCRIPTION = "Resource group based cloud service."


class ResourceGroups:
    """Makes, shows and deletes groups; what is in them is other endpoints' to tell."""

    def __init__(
        self,
        store: SchedulerStore,
        new_id: Callable[[], str],
        *,
        delete: Callable[[Request], Effect],
    ) -> None:
        """`delete` has a cloud service deleted, in steps that follow."""
        self._store = store
        self._new_id = new_id
        self._delete = delete

    def create_or_update(self, request: Request) -> Effect:
        location = location_in(read_object(request.body), resource_type="resource group")

        def effect(transaction: Transaction) -> Answer:
            found = self._find(transaction.connection, request)
            if found is None:
                made = self.make(transaction.connection, request, location)
                return Answer(status=201, body=to_json(group_resource(request, made)))
            check_stays(found)
            if (region := region_of(found)) != location:
                raise group_elsewhere(found.name, asked=location, found=region)
            return Answer(status=200, body=to_json(group_resource(request, found)))

        return effect

    def find_or_make(
        self, connection: Connection, request: Request, location: str
    ) -> StoredCloudService:
        """Return the group that a request names: sessions begin with a collection, in a group that was there."""
        found = self._find(connection, request)
        if found is not None:
            check_stays(found)
        return found or self.make(connection, request, location)

    def make(self, connection: Connection, request: Request, location: str) -> StoredCloudService:
        name = request.params["cloud_service"]
        definition = CloudService(label=name, description=DESCRIPTION, geo_region=location)
        group = StoredCloudService(
            name=name,
            etag=new_etag(self._new_id),
            definition=to_json(definition.document()).decode(),
        )
        id = self._store.cloud_services.insert(connection, request.subscription, group)
        return replace(group, id=id)

    def delete(self, request: Request) -> Effect:
        delete = self._delete(request)

        def effect(transaction: Transaction) -> Answer:
            found = find_cloud_service(self._store, transaction.connection, request)
            check_stays(found)
            id = deletion_id(found.name, location=compact(region_of(found)))
            answer = delete(transaction)
            return replace(answer, headers={"location": operation_result(request, id)})

        return effect

    def get(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            found = find_cloud_service(self._store, connection, request)
            return Answer(status=200, body=to_json(group_resource(request, found)))

        return query

    def probe(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            find_cloud_service(self._store, connection, request)
            return Answer(status=204)

        return query

    def list(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            groups = self._store.cloud_services.list(connection, request.subscription)
            shown: list[Json] = [
                group_resource(request, one) for one in sorted(groups, key=name_of)
            ]
            return Answer(status=200, body=to_json({"value": shown}))

        return query

    def result(self, request: Request) -> Query:
        """Tell whether what went on has ended: the deletion of a group, or an operation by its request id."""
        id = request.params["operation_result"]
        group = group_of_deletion(id)

        def query(connection: Connection) -> Answer:
            if group is None:
                return self._result_of(connection, request, id)
            found = self._store.cloud_services.find(connection, request.subscription, group)
            if found is None:
                return Answer(status=200)
            if not found.is_deleting:
                raise result_not_found(id)
            return Answer(status=202, headers={"location": operation_result(request, id)})

        return query

    def _result_of(self, connection: Connection, request: Request, id: str) -> Answer:
        found = self._store.operations.find(connection, id.replace("-", "").lower())
        if found is None or found.subscription != request.subscription:
            raise result_not_found(id)
        match found.status:
            case OperationStatus.IN_PROGRESS:
                return Answer(status=202, headers={"location": operation_result(request, id)})
            case OperationStatus.FAILED:
                status, code = found.error_status or 500, found.error_code or ""
                return refused(status, code, found.error_message or "", path=request.path)
            case _:
                return Answer(status=200)

    def _find(self, connection: Connection, request: Request) -> StoredCloudService | None:
        name = request.params["cloud_service"]
        return self._store.cloud_services.find(connection, request.subscription, name)


def location_in(document: JsonObject, *, resource_type: str) -> str:
    """Return the display form of the region that a body names.

    Raises:
        RequestError: there is none, or none of ours.
    """
    given = {name.lower(): value for name, value in document.items()}.get("location")
    if not isinstance(given, str) or not given:
        raise location_required()
    location = display_region(given)
    if location is None:
        raise location_not_available(given, resource_type=resource_type)
    return location


def group_resource(request: Request, group: StoredCloudService) -> JsonObject:
    return {
        "id": group_id(request.params["subscription"], group.name),
        "name": group.name,
        "location": compact(region_of(group)),
        "properties": {"provisioningState": "Deleting" if group.is_deleting else "Succeeded"},
    }


def name_of(group: StoredCloudService) -> str:
    return group.name.lower()


def check_stays(group: StoredCloudService) -> None:
    """Raises ConflictError when it is being deleted."""
    if group.is_deleting:
        raise group_being_deleted(group.name)


def result_not_found(id: str) -> NotFoundError:
    return from_gateway(NotFoundError(f"The operation result '{id[:100]}' was not found."))
