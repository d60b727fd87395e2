"""The store of the Scheduler service in SQL."""

from shared.messaging.broker import TransactionalSender
from shared.messaging.entities import SERVICE_OPERATIONS
from shared.messaging.work import WorkRows
from shared.scheduler.store import SchedulerStore
from shared.scheduler.stores.containers import SqlCloudServices, SqlJobCollections
from shared.scheduler.stores.jobs import SqlJobs
from shared.scheduler.stores.operations import SqlOperations
from shared.scheduler.stores.tables import LEASE, service_operation


def sql_store(sender: TransactionalSender) -> SchedulerStore:
    """Return the store over the tables of `tables.SCHEMA`; `sender` wakes its operations."""
    work = WorkRows(
        service_operation, key="id", queue=SERVICE_OPERATIONS, lease=LEASE, sender=sender
    )
    return SchedulerStore(SqlCloudServices(), SqlJobCollections(), SqlJobs(), SqlOperations(), work)
