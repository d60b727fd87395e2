"""What every store of jobs does, together with the timings, executions and records that its jobs have."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.messaging.wake_up import WakeUp
from shared.scheduler.announcements import BY_SCHEDULE, JobPath
from shared.scheduler.execution_store import Count, NewExecution, NewRecord
from shared.scheduler.lifecycle import ExecutionState
from shared.scheduler.store import SchedulerStore, StoredJob, StoredJobCollection
from shared.scheduler.timing import Timing
from shared.sql.database import Database, Transaction
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState, JobStatus
from tests.clocks import START
from tests.contracts.scheduler_store_steps import (
    COLLECTION,
    JOB,
    SERVICE,
    SchedulerStoreSteps,
    do,
)

SECOND = timedelta(seconds=1)
PATH = JobPath(subscription="s", cloud_service="Cs1", job_collection="Jc1", job="Nightly")
RECORD = JobHistory(
    job_id="Nightly",
    timestamp=START,
    start_time=START,
    end_time=START + SECOND,
    state=JobState.ENABLED,
    message="m",
    status=JobExecutionStatus.COMPLETED,
    action_name=ActionName.MAIN_ACTION,
    repeat_count=1,
    retry_count=0,
)


def execution(
    occurrence: datetime, *, generation: int = 1, origin: str = BY_SCHEDULE
) -> NewExecution:
    return NewExecution(
        id=f"{origin}/{occurrence.isoformat()}",
        job_id=1,
        generation=generation,
        origin=origin,
        occurrence=occurrence,
        path=PATH,
    )


class JobStoreContract(SchedulerStoreSteps):
    """Names are found in any case and kept as given; ids are never given again."""

    async def test_jobs_follow_each_other_by_id_a_few_at_a_time(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        for name in ("b", "a"):
            row = replace(JOB, name=name)
            await do(database, lambda c, row=row: filled.jobs.insert(c, 1, row))  # type: ignore[misc]

        first = await do(database, lambda c: filled.jobs.following(c, 1, after=0, limit=2))
        second = await do(database, lambda c: filled.jobs.following(c, 1, after=2, limit=2))

        assert [job.name for job in (*first, *second)] == ["Nightly", "b", "a"]
        assert await do(database, lambda c: filled.jobs.following(c, 2, after=0, limit=2)) == []

    async def test_a_job_is_found_by_any_case_in_its_collection_alone(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        assert await do(database, lambda c: filled.jobs.find(c, 1, "NIGHTLY")) == replace(JOB, id=1)
        assert await do(database, lambda c: filled.jobs.find(c, 2, "Nightly")) is None
        assert await do(database, lambda c: filled.jobs.count(c, 1)) == 1
        assert await do(database, lambda c: filled.jobs.count(c, 2)) == 0

    async def test_a_job_is_found_with_its_collection_by_all_names_in_any_case(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        shouted = JobPath(
            subscription="s", cloud_service="CS1", job_collection="JC1", job="NIGHTLY"
        )

        async def at(**names: str) -> tuple[StoredJobCollection, StoredJob | None] | None:
            path = replace(shouted, **names)
            return await do(database, lambda c: filled.jobs.at(c, path))

        collection = replace(COLLECTION, id=1)
        assert await at() == (collection, replace(JOB, id=1))
        assert await at(job="other") == (collection, None)
        for elsewhere in ({"subscription": "S"}, {"cloud_service": "x"}, {"job_collection": "x"}):
            assert await at(**elsewhere) is None
        gone = replace(SERVICE, id=1, is_deleting=True)
        assert await do(database, lambda c: filled.cloud_services.update(c, gone))
        assert await at() == (replace(collection, is_deleting=True), replace(JOB, id=1))

    async def test_the_job_that_names_lead_to_is_that_of_its_own_collection(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        other = await self._other_collection(filled, database)
        await do(database, lambda c: filled.jobs.insert(c, other, replace(JOB, name="late")))

        found = await do(database, lambda c: filled.jobs.at(c, replace(PATH, job="late")))

        assert found == (replace(COLLECTION, id=1), None)

    async def test_a_job_comes_with_how_far_its_plan_is(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        async def plan() -> tuple[int, int, int | None, bool]:
            found = await do(database, lambda c: filled.jobs.at(c, PATH))
            assert found is not None
            _, job = found
            assert job is not None
            return job.generation, job.claimed, job.open_skip, job.has_executions

        assert await plan() == (0, 0, None, False)
        timing = Timing(claimed=3)
        for _ in range(2):
            await database.run(lambda tx: filled.timings.define(tx, 1, timing, resets=True))
        await database.run(lambda tx: filled.progress.skip(tx, 1, open_skip=7))
        assert await plan() == (2, 3, 7, False)
        row = execution(START, origin="request")
        await self._claim(filled, database, row)
        assert await plan() == (2, 3, 7, True)
        await database.run(
            lambda tx: filled.executions.withdraw(
                tx, row.id, state=ExecutionState.SKIPPED, now=START
            )
        )
        assert await plan() == (2, 3, 7, False)

    async def test_a_job_is_replaced_but_for_its_name(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        new = replace(JOB, id=1, name="NIGHTLY", state=JobState.DISABLED, definition="{}")

        await do(database, lambda c: filled.jobs.update(c, 1, new))

        found = await do(database, lambda c: filled.jobs.find(c, 1, "nightly"))
        assert found == replace(new, name="Nightly")

    async def test_a_job_is_deleted_once_and_its_id_not_given_again(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        assert not await do(database, lambda c: filled.jobs.delete(c, 2, "nightly"))
        assert await do(database, lambda c: filled.jobs.delete(c, 1, "NIGHTLY"))
        assert not await do(database, lambda c: filled.jobs.delete(c, 1, "nightly"))
        assert await do(database, lambda c: filled.jobs.insert(c, 1, JOB)) == 2

    async def test_jobs_are_listed_in_pages_by_name(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        for name in "ba":
            row = replace(JOB, name=name, state=JobState.DISABLED)
            await do(database, lambda c, row=row: filled.jobs.insert(c, 1, row))  # type: ignore[misc]

        async def names(state: JobState | None, skip: int, top: int) -> list[str]:
            rows = await do(
                database, lambda c: filled.jobs.list(c, 1, state=state, skip=skip, top=top)
            )
            return [row.name for row in rows]

        assert await names(None, 0, 10) == ["a", "b", "Nightly"]
        assert await names(None, 1, 1) == ["b"]
        assert await names(JobState.DISABLED, 0, 10) == ["a", "b"]
        assert await names(JobState.FAULTED, 0, 10) == []

    async def test_some_jobs_of_a_collection_or_a_cloud_service_are_found_with_their_collections(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        other = await self._other_collection(filled, database)
        for name in "abc":
            row = replace(JOB, name=name)
            await do(database, lambda c, row=row: filled.jobs.insert(c, other, row))  # type: ignore[misc]

        async def some(service: int, collection: int | None, limit: int) -> list[tuple[str, str]]:
            rows = await do(
                database,
                lambda c: filled.jobs.some(
                    c, cloud_service_id=service, job_collection_id=collection, limit=limit
                ),
            )
            return sorted((where, row.name) for where, row in rows)

        all_there = [("Jc1", "Nightly"), ("jc2", "a"), ("jc2", "b"), ("jc2", "c")]
        assert await some(1, None, 10) == all_there
        assert await some(1, other, 10) == all_there[1:]
        assert len(await some(1, None, 3)) == 3
        assert len(await some(1, other, 2)) == 2
        assert await some(2, None, 10) == []

    async def test_records_are_removed_a_few_at_a_time_by_collection_or_by_cloud_service(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        other = await self._other_collection(filled, database)
        elsewhere = await do(database, lambda c: filled.jobs.insert(c, other, JOB))
        await self._claim(filled, database, execution(START))

        def write(tx: Transaction) -> None:
            found = filled.executions.find(tx.connection, execution(START).id)
            assert found is not None
            filled.history.insert(
                tx,
                [
                    NewRecord(execution=replace(found[0], job_id=job_id), history=RECORD)
                    for job_id in (1, 1, elsewhere, elsewhere, elsewhere)
                ],
            )

        await database.run(write)

        async def delete(service: int, collection: int | None, limit: int) -> int:
            return await do(
                database,
                lambda c: filled.jobs.delete_history(
                    c, cloud_service_id=service, job_collection_id=collection, limit=limit
                ),
            )

        assert await delete(2, None, 10) == 0
        assert await delete(1, other, 2) == 2
        assert await delete(1, other, 2) == 1
        assert await delete(1, None, 10) == 2

    async def test_a_job_goes_with_its_records_and_its_timing(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, START)
        await self._claim(filled, database, execution(START))

        def write(tx: Transaction) -> None:
            found = filled.executions.find(tx.connection, execution(START).id)
            assert found is not None
            filled.history.insert(tx, [NewRecord(execution=found[0], history=RECORD)])

        await database.run(write)
        await do(database, lambda c: filled.jobs.delete(c, 1, "nightly"))

        left = await do(
            database,
            lambda c: filled.history.list(c, 1, status=None, state=None, skip=0, top=10),
        )
        assert left == []
        assert await do(database, lambda c: filled.timings.get(c, 1)) is None
        assert await database.run(lambda tx: filled.timings.earliest(tx)) is None

    async def test_the_status_of_a_job_is_that_of_its_timing(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        assert await self._status(filled, database) == JobStatus()

        await self._define(filled, database, START + SECOND)
        await database.run(
            lambda tx: filled.progress.settle(
                tx, 1, Count(started_at=START, attempts=5, failures=4, faults=1), ended=None
            )
        )

        assert await self._status(filled, database) == JobStatus(
            last_execution_time=START,
            next_execution_time=START + SECOND,
            execution_count=5,
            failure_count=4,
            faulted_count=1,
        )

    async def test_what_is_claimed_ahead_and_has_not_started_comes_next(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, START + 60 * SECOND)
        for ahead in (execution(START + 2 * SECOND), execution(START + SECOND)):
            await self._claim(filled, database, ahead)
        for no_matter in (execution(START, generation=7), execution(START, origin="request")):
            await self._claim(filled, database, no_matter)

        async def following() -> datetime | None:
            return (await self._status(filled, database)).next_execution_time

        assert await following() == START + SECOND
        await self._start(filled, database, execution(START + SECOND))
        assert await following() == START + 2 * SECOND
        await self._start(filled, database, execution(START + 2 * SECOND))
        assert await following() == START + 60 * SECOND

    async def _other_collection(self, store: SchedulerStore, database: Database) -> int:
        new = replace(COLLECTION, name="jc2")
        return await do(database, lambda c: store.job_collections.insert(c, new))

    async def _define(self, store: SchedulerStore, database: Database, following: datetime) -> None:
        timing = Timing(next_occurrence=following)
        await database.run(lambda tx: store.timings.define(tx, 1, timing, resets=True))

    async def _claim(self, store: SchedulerStore, database: Database, row: NewExecution) -> None:
        await database.run(lambda tx: store.executions.claim(tx, [row], now=START))

    async def _start(self, store: SchedulerStore, database: Database, row: NewExecution) -> None:
        wake_up = WakeUp(row.id, 0)
        await database.run(
            lambda tx: store.executions.start(tx, wake_up, repeat_count=None, now=row.occurrence)
        )

    async def _status(self, store: SchedulerStore, database: Database) -> JobStatus:
        found = await do(database, lambda c: store.jobs.find(c, 1, "nightly"))
        assert found is not None
        return found.status
