"""What every store of the Scheduler service does; a subclass provides the fixtures `store` and `database`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from shared.scheduler.store import (
    SchedulerStore,
    StoredCloudService,
    StoredJobCollection,
    StoredOperation,
)
from shared.sql.database import Database
from tests.clocks import START
from tests.contracts.job_store import JobStoreContract
from tests.contracts.scheduler_store_steps import COLLECTION, SERVICE, do

OPERATION = StoredOperation(
    id="0" * 32,
    subscription="s",
    endpoint="CreateOrUpdateJob",
    status="Succeeded",
    answer_status=201,
    answer_etag="e",
    answer_body=b"{}",
    request_fingerprint="f",
    cloud_service_id=1,
    job_collection_id=2,
    kept_until=START,
)


class SchedulerStoreContract(JobStoreContract):
    """Names are found in any case and kept as given; ids are never given again."""

    async def test_a_cloud_service_is_found_by_any_case_in_its_subscription_alone(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        services = filled.cloud_services
        expected = replace(SERVICE, id=1)

        assert await do(database, lambda c: services.find(c, "s", "CS1")) == expected
        assert await do(database, lambda c: services.get(c, 1)) == expected
        assert await do(database, lambda c: services.list(c, "s")) == [expected]
        assert await do(database, lambda c: services.find(c, "other", "cs1")) is None
        assert await do(database, lambda c: services.list(c, "other")) == []
        assert await do(database, lambda c: services.get(c, 2)) is None

    async def test_a_cloud_service_is_replaced_but_for_its_name(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        services = filled.cloud_services
        new = StoredCloudService(id=1, name="cs1", etag="e2", definition="{}", is_deleting=True)

        assert await do(database, lambda c: services.update(c, new))
        assert await do(database, lambda c: services.get(c, 1)) == replace(new, name="Cs1")
        assert not await do(database, lambda c: services.update(c, replace(new, id=2)))

    async def test_a_collection_is_found_by_its_names(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        collections = filled.job_collections
        expected = replace(COLLECTION, id=1)

        assert await do(database, lambda c: collections.find(c, "s", "CS1", "JC1")) == expected
        assert await do(database, lambda c: collections.get(c, 1)) == expected
        assert await do(database, lambda c: collections.list(c, "s")) == [expected]
        assert await do(database, lambda c: collections.list_of(c, 1)) == [expected]
        assert await do(database, lambda c: collections.list_of(c, 2)) == []
        assert await do(database, lambda c: collections.find(c, "s", "other", "jc1")) is None
        assert await do(database, lambda c: collections.find(c, "t", "cs1", "jc1")) is None

    async def test_a_collection_is_deleting_when_its_cloud_service_is(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        leaving = replace(SERVICE, id=1, is_deleting=True)
        await do(database, lambda c: filled.cloud_services.update(c, leaving))

        found = await do(database, lambda c: filled.job_collections.find(c, "s", "cs1", "jc1"))

        assert found is not None
        assert found.is_deleting

    async def test_a_collection_is_replaced_but_for_its_name(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        collections = filled.job_collections
        new = StoredJobCollection(
            id=1,
            cloud_service_id=1,
            name="jc1",
            etag="e2",
            plan="Standard",
            definition='{"plan":"Standard"}',
            operation_type="Delete",
            operation_result="Failed",
            error_message="why",
            is_deleting=True,
        )

        assert await do(database, lambda c: collections.update(c, new))
        assert await do(database, lambda c: collections.get(c, 1)) == replace(
            new, name="Jc1", cloud_service="Cs1"
        )
        assert not await do(database, lambda c: collections.update(c, replace(new, id=2)))

    async def test_collections_are_counted_by_plan(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        collections = filled.job_collections

        assert await do(database, lambda c: collections.count_plan(c, "s", "Free")) == 1
        assert await do(database, lambda c: collections.count_plan(c, "s", "Standard")) == 0
        assert await do(database, lambda c: collections.count_plan(c, "t", "Free")) == 0

    async def test_ids_are_never_given_again(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await do(database, lambda c: filled.jobs.delete(c, 1, "nightly"))
        await do(database, lambda c: filled.job_collections.delete(c, 1))
        again = await do(database, lambda c: filled.job_collections.insert(c, COLLECTION))
        await do(database, lambda c: filled.cloud_services.delete(c, 1))
        service = await do(database, lambda c: filled.cloud_services.insert(c, "s", SERVICE))

        assert (again, service) == (2, 2)
        assert await do(database, lambda c: filled.job_collections.list(c, "s")) == []

    async def test_an_operation_is_found_and_ended(
        self, store: SchedulerStore, database: Database
    ) -> None:
        await do(database, lambda c: store.operations.insert(c, OPERATION))
        failed = replace(
            OPERATION,
            status="Failed",
            answer_status=200,
            answer_etag="e",
            answer_body=b"b",
            error_status=404,
            error_code="c",
            error_message="m",
            argument="a",
        )

        assert await do(database, lambda c: store.operations.find(c, OPERATION.id)) == OPERATION
        assert await do(database, lambda c: store.operations.find(c, "1" * 32)) is None
        await do(database, lambda c: store.operations.update(c, failed))
        assert await do(database, lambda c: store.operations.find(c, OPERATION.id)) == failed

    async def test_operations_are_forgotten_when_their_time_has_come_and_they_have_ended(
        self, store: SchedulerStore, database: Database
    ) -> None:
        rows = [
            replace(OPERATION, id=f"{number:032x}", kept_until=START + timedelta(seconds=number))
            for number in range(4)
        ]
        for row in rows:
            await do(database, lambda c, row=row: store.operations.insert(c, row))  # type: ignore[misc]
        await database.run(
            lambda tx: store.work.schedule(tx, rows[0].id, attempt=0, due_at=START, now=START)
        )
        now = START + timedelta(seconds=2)

        assert await do(database, lambda c: store.operations.prune(c, now=now, limit=1)) == 1
        assert await do(database, lambda c: store.operations.prune(c, now=now, limit=9)) == 1
        left = [await do(database, lambda c, r=r: store.operations.find(c, r.id)) for r in rows]  # type: ignore[misc]
        assert [one is not None for one in left] == [True, False, False, True]

    async def test_a_resource_type_is_registered_once_for_each_subscription(
        self, store: SchedulerStore, database: Database
    ) -> None:
        def add(subscription: str, resource_type: str) -> Callable[[Connection], bool]:
            return lambda c: store.registrations.add(c, subscription, resource_type)

        for subscription, resource_type in (("s", "a"), ("s", "b"), ("t", "a")):
            assert await do(database, add(subscription, resource_type))
            assert not await do(database, add(subscription, resource_type))

        assert await do(database, lambda c: store.registrations.remove(c, "s", "a"))
        assert not await do(database, lambda c: store.registrations.remove(c, "s", "a"))
        assert not await do(database, add("t", "a"))
        assert await do(database, add("s", "a"))

    async def test_containers_come_by_name_in_any_case(
        self, store: SchedulerStore, database: Database
    ) -> None:
        def fill(connection: Connection) -> None:
            for name in ("b", "C", "a_2", "a_10"):
                row = replace(SERVICE, name=name)
                service_id = store.cloud_services.insert(connection, "s", row)
                for other in ("y", "Z", "x"):
                    new = replace(COLLECTION, cloud_service_id=service_id, name=f"{other}-{name}")
                    store.job_collections.insert(connection, new)

        await do(database, fill)
        services = await do(database, lambda c: store.cloud_services.list(c, "s"))
        all_collections = await do(database, lambda c: store.job_collections.list(c, "s"))
        collections = await do(database, lambda c: store.job_collections.list_of(c, 2))

        assert [one.name for one in services] == ["a_10", "a_2", "b", "C"]
        assert [one.name for one in collections] == ["x-C", "y-C", "Z-C"]
        assert [one.name[0] for one in all_collections] == [*"xxxxyyyyZZZZ"]
