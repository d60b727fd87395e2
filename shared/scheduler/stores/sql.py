"""The store of the Scheduler service in SQL."""

from shared.messaging.broker import TransactionalSender
from shared.messaging.entities import EXECUTIONS, SERVICE_OPERATIONS
from shared.messaging.work import WorkRows
from shared.scheduler.store import SchedulerStore
from shared.scheduler.stores.containers import SqlCloudServices, SqlJobCollections
from shared.scheduler.stores.executions import WRITES, SqlExecutions
from shared.scheduler.stores.history import SqlHistory
from shared.scheduler.stores.jobs import SqlJobs
from shared.scheduler.stores.locks import SqlJobLocks
from shared.scheduler.stores.operations import SqlOperations
from shared.scheduler.stores.progress import SqlProgress
from shared.scheduler.stores.registrations import SqlRegistrations
from shared.scheduler.stores.tables import LEASE, execution, service_operation
from shared.scheduler.stores.timings import SqlTimings


def sql_store(sender: TransactionalSender) -> SchedulerStore:
    """Return the store over the tables of `tables.SCHEMA`; `sender` wakes its operations."""
    work = WorkRows(
        service_operation, key="id", queue=SERVICE_OPERATIONS, lease=LEASE, sender=sender
    )
    executions = WorkRows(
        execution, key="id", queue=EXECUTIONS, lease=LEASE, sender=sender, writes=WRITES
    )
    return SchedulerStore(
        cloud_services=SqlCloudServices(),
        job_collections=SqlJobCollections(),
        jobs=SqlJobs(),
        operations=SqlOperations(),
        work=work,
        timings=SqlTimings(),
        locks=SqlJobLocks(),
        progress=SqlProgress(),
        executions=SqlExecutions(executions),
        execution_work=executions,
        history=SqlHistory(),
        registrations=SqlRegistrations(),
    )
