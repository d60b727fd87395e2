"""Cloud services and job collections in SQL; statements first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from shared.scheduler.announcements import JobPath
from shared.scheduler.store import StoredCloudService, StoredJobCollection
from shared.scheduler.stores.tables import cloud_service, job_collection
from shared.sql.prepared import Prepared
from shared.wire.endpoint import Surface
from shared.wire.job_collection import JobCollectionState

SERVICE_COLUMNS = ("name", "etag", "definition", "is_deleting")
COLLECTION_COLUMNS = (
    "name", "etag", "plan", "definition", "operation_type", "operation_result", "error_message",
    "state", "surface", "is_deleting",
)  # fmt: skip
COLLECTION_CHANGES = COLLECTION_COLUMNS[1:]

of_subscription = cloud_service.c.subscription == bindparam("of_subscription")
services = select(cloud_service.c.id, *(cloud_service.c[name] for name in SERVICE_COLUMNS))
joined = job_collection.join(cloud_service)
READ_COLUMNS = (
    job_collection.c.id,
    job_collection.c.cloud_service_id,
    cloud_service.c.name,
    *(job_collection.c[name] for name in COLLECTION_COLUMNS[:-1]),
)
collections = select(*READ_COLUMNS, job_collection.c.is_deleting).select_from(joined)
# One is deleted with what it is in.
FOUND_COLUMNS = (*READ_COLUMNS, or_(job_collection.c.is_deleting, cloud_service.c.is_deleting))
at_names = (
    of_subscription
    & (cloud_service.c.key == bindparam("service_key"))
    & (job_collection.c.key == bindparam("collection_key"))
)

FIND_SERVICE = Prepared(
    services.where(of_subscription, cloud_service.c.key == bindparam("service_key"))
)
GET_SERVICE = Prepared(services.where(cloud_service.c.id == bindparam("this_id")))
# By name, as recorded from the retired service, whatever order they were made in.
LIST_SERVICES = Prepared(services.where(of_subscription).order_by(cloud_service.c.key))
INSERT_SERVICE = Prepared(
    insert(cloud_service)
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("subscription", "key", "name", "etag", "definition", "is_deleting")
        }
    )
    .returning(cloud_service.c.id)
)
UPDATE_SERVICE = Prepared(
    update(cloud_service)
    .where(cloud_service.c.id == bindparam("this_id"))
    .values({name: bindparam(f"new_{name}") for name in SERVICE_COLUMNS[1:]})
)
DELETE_SERVICE = Prepared(delete(cloud_service).where(cloud_service.c.id == bindparam("this_id")))
FIND_COLLECTION = Prepared(select(*FOUND_COLUMNS).select_from(joined).where(at_names))
GET_COLLECTION = Prepared(collections.where(job_collection.c.id == bindparam("this_id")))
LIST_COLLECTIONS = Prepared(
    collections.where(of_subscription).order_by(job_collection.c.key, job_collection.c.id)
)
LIST_COLLECTIONS_OF = Prepared(
    collections.where(job_collection.c.cloud_service_id == bindparam("this_id")).order_by(
        job_collection.c.key
    )
)
COUNT_PLAN = Prepared(
    select(func.count())
    .select_from(joined)
    .where(of_subscription, job_collection.c.plan == bindparam("of_plan"))
)
INSERT_COLLECTION = Prepared(
    insert(job_collection)
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("cloud_service_id", "key", *COLLECTION_COLUMNS)
        }
    )
    .returning(job_collection.c.id)
)
UPDATE_COLLECTION = Prepared(
    update(job_collection)
    .where(job_collection.c.id == bindparam("this_id"))
    .values({name: bindparam(f"new_{name}") for name in COLLECTION_CHANGES})
)
DELETE_COLLECTION = Prepared(
    delete(job_collection).where(job_collection.c.id == bindparam("this_id"))
)


class SqlCloudServices:
    """The port's adapter for SQLite and PostgreSQL."""

    def find(
        self, connection: Connection, subscription: str, name: str
    ) -> StoredCloudService | None:
        row = one(
            FIND_SERVICE.rows(connection, of_subscription=subscription, service_key=name.lower())
        )
        return None if row is None else to_cloud_service(row)

    def get(self, connection: Connection, id: int) -> StoredCloudService | None:
        row = one(GET_SERVICE.rows(connection, this_id=id))
        return None if row is None else to_cloud_service(row)

    def list(self, connection: Connection, subscription: str) -> Sequence[StoredCloudService]:
        rows = LIST_SERVICES.rows(connection, of_subscription=subscription)
        return [to_cloud_service(row) for row in rows]

    def insert(self, connection: Connection, subscription: str, row: StoredCloudService) -> int:
        (inserted,) = INSERT_SERVICE.rows(
            connection,
            new_subscription=subscription,
            new_key=row.name.lower(),
            **changes(row, SERVICE_COLUMNS),
        )
        return int(inserted.id)

    def update(self, connection: Connection, row: StoredCloudService) -> bool:
        new = changes(row, SERVICE_COLUMNS[1:])
        return UPDATE_SERVICE.change(connection, this_id=row.id, **new) == 1

    def delete(self, connection: Connection, id: int) -> None:
        DELETE_SERVICE.change(connection, this_id=id)


class SqlJobCollections:
    """The port's adapter for SQLite and PostgreSQL."""

    def find(
        self, connection: Connection, subscription: str, cloud_service: str, name: str
    ) -> StoredJobCollection | None:
        found = FIND_COLLECTION.rows(
            connection,
            of_subscription=subscription,
            service_key=cloud_service.lower(),
            collection_key=name.lower(),
        )
        row = one(found)
        return None if row is None else to_job_collection(row)

    def get(self, connection: Connection, id: int) -> StoredJobCollection | None:
        row = one(GET_COLLECTION.rows(connection, this_id=id))
        return None if row is None else to_job_collection(row)

    def list(self, connection: Connection, subscription: str) -> Sequence[StoredJobCollection]:
        rows = LIST_COLLECTIONS.rows(connection, of_subscription=subscription)
        return [to_job_collection(row) for row in rows]

    def list_of(
        self, connection: Connection, cloud_service_id: int
    ) -> Sequence[StoredJobCollection]:
        rows = LIST_COLLECTIONS_OF.rows(connection, this_id=cloud_service_id)
        return [to_job_collection(row) for row in rows]

    def insert(self, connection: Connection, row: StoredJobCollection) -> int:
        (inserted,) = INSERT_COLLECTION.rows(
            connection,
            new_cloud_service_id=row.cloud_service_id,
            new_key=row.name.lower(),
            **changes(row, COLLECTION_COLUMNS),
        )
        return int(inserted.id)

    def update(self, connection: Connection, row: StoredJobCollection) -> bool:
        new = changes(row, COLLECTION_CHANGES)
        return UPDATE_COLLECTION.change(connection, this_id=row.id, **new) == 1

    def delete(self, connection: Connection, id: int) -> None:
        DELETE_COLLECTION.change(connection, this_id=id)

    def count_plan(self, connection: Connection, subscription: str, plan: str) -> int:
        rows = COUNT_PLAN.rows(connection, of_subscription=subscription, of_plan=plan)
        return int(rows[0][0])


def changes(row: object, columns: Sequence[str]) -> dict[str, Any]:
    return {f"new_{name}": getattr(row, name) for name in columns}


def one(rows: Sequence[Any]) -> Any:
    """Return the row, None when there is none; keys are unique."""
    return rows[0] if rows else None


def to_cloud_service(row: Any) -> StoredCloudService:
    id, name, etag, definition, is_deleting = row
    return StoredCloudService(
        id=id, name=name, etag=etag, definition=definition, is_deleting=bool(is_deleting)
    )


def path_keys(path: JobPath) -> dict[str, str]:
    """Return what the statements that find by all names of a job are given."""
    return {
        "of_subscription": path.subscription,
        "service_key": path.cloud_service.lower(),
        "collection_key": path.job_collection.lower(),
        "job_key": path.job.lower(),
    }


def to_job_collection(row: Any) -> StoredJobCollection:
    id, service_id, service, name, etag, plan, definition, kind, result, error, state, *rest = row
    surface, gone = rest
    return StoredJobCollection(
        id=id,
        cloud_service_id=service_id,
        cloud_service=service,
        name=name,
        etag=etag,
        plan=plan,
        definition=definition,
        operation_type=kind,
        operation_result=result,
        error_message=error,
        is_deleting=bool(gone),
        state=JobCollectionState(state),
        surface=Surface(surface),
    )
