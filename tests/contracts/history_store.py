"""What every store of history does; a subclass provides the fixtures `store` and `database`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.scheduler.announcements import SkipReason
from shared.scheduler.execution_store import (
    NewExecution,
    NewRecord,
    Range,
    StoredExecution,
    StoredRecord,
)
from shared.scheduler.lifecycle import ExecutionState
from shared.scheduler.store import SchedulerStore
from shared.scheduler.timing import Timing
from shared.sql.database import Database, Transaction
from shared.wire.job import ActionName, JobExecutionStatus, JobHistory, JobState
from tests.clocks import START
from tests.contracts.execution_store import CLAIMED, NEW
from tests.contracts.scheduler_store_steps import JOB, SchedulerStoreSteps, do

SECOND = timedelta(seconds=1)
FIRST = JobHistory(
    job_id="Nightly",
    timestamp=START,
    start_time=START,
    end_time=START + timedelta(microseconds=1),
    state=JobState.ENABLED,
    message="Response Headers: …\r\n\x01 Body: 'ü'",
    status=JobExecutionStatus.COMPLETED,
    action_name=ActionName.MAIN_ACTION,
    repeat_count=1,
    retry_count=0,
)
FAILURE = FIRST.model_copy(
    update={"status": JobExecutionStatus.FAILED, "retry_count": 20, "repeat_count": 2}
)
ERROR_ACTION = FIRST.model_copy(
    update={"action_name": ActionName.ERROR_ACTION, "state": JobState.DISABLED, "repeat_count": 3}
)
OVERLAP = Range(reason=SkipReason.OVERLAP, first=START, last=START)


def at(record: JobHistory, instant: datetime) -> JobHistory:
    return record.model_copy(
        update={"timestamp": instant, "start_time": instant, "end_time": instant}
    )


class HistoryStoreContract(SchedulerStoreSteps):
    """Records are listed newest first, and ranges are kept until they are complete."""

    @pytest.fixture
    async def two_jobs(self, filled: SchedulerStore, database: Database) -> SchedulerStore:
        """The jobs 1, `Nightly`, and 2, `Other`."""
        await do(database, lambda c: filled.jobs.insert(c, 1, replace(JOB, name="Other")))
        return filled

    async def test_a_record_is_kept_as_it_is(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        await self._insert(two_jobs, database, FIRST, FAILURE, ERROR_ACTION)

        assert await self._list(two_jobs, database) == [ERROR_ACTION, FAILURE, FIRST]
        assert await self._count_of_other(two_jobs, database) == 0

    @pytest.mark.parametrize(
        ("status", "state", "expected"),
        [
            (JobExecutionStatus.COMPLETED, None, [ERROR_ACTION, FIRST]),
            (JobExecutionStatus.FAILED, None, [FAILURE]),
            (JobExecutionStatus.POSTPONED, None, []),
            (None, JobState.ENABLED, [FAILURE, FIRST]),
            (None, JobState.DISABLED, [ERROR_ACTION]),
            (JobExecutionStatus.COMPLETED, JobState.ENABLED, [FIRST]),
            (JobExecutionStatus.FAILED, JobState.DISABLED, []),
        ],
    )
    async def test_records_are_filtered_by_status_and_state(
        self,
        two_jobs: SchedulerStore,
        database: Database,
        status: JobExecutionStatus | None,
        state: JobState | None,
        expected: list[JobHistory],
    ) -> None:
        await self._insert(two_jobs, database, FIRST, FAILURE, ERROR_ACTION)

        assert await self._list(two_jobs, database, status=status, state=state) == expected

    async def test_pages_are_of_what_the_filter_lets_through(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        await self._insert(two_jobs, database, *[FIRST, FAILURE] * 3)
        await self._insert(two_jobs, database, ERROR_ACTION, job_id=2)
        failed = JobExecutionStatus.FAILED

        assert await self._list(two_jobs, database, skip=1, top=2) == [FIRST, FAILURE]
        assert await self._list(two_jobs, database, status=failed, skip=2) == [FAILURE]
        assert await self._list(two_jobs, database, status=failed, skip=3) == []
        assert await self._list(two_jobs, database, skip=6) == []
        assert await self._list(two_jobs, database, top=0) == []

    async def test_the_order_is_that_of_insertion(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        """What began later may end, and be recorded, before what began earlier."""
        early, late = at(FIRST, START), at(FIRST, START + SECOND)
        await self._insert(two_jobs, database, late, early)

        assert await self._list(two_jobs, database) == [early, late]

    async def test_a_record_is_listed_with_its_occurrence_and_an_id_that_grows_and_stays(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        await self._insert(two_jobs, database, at(FIRST, START + SECOND))
        await self._trim(two_jobs, database, 0)
        await self._insert(two_jobs, database, FIRST, FAILURE)

        async def listed(status: JobExecutionStatus | None) -> Sequence[StoredRecord]:
            return await do(
                database,
                lambda c: two_jobs.history.list(c, 1, status=status, state=None, skip=0, top=9),
            )

        newer, older = await listed(None)
        assert newer.id > older.id > 1
        assert [newer.occurrence, older.occurrence] == [CLAIMED.occurrence] * 2
        assert await listed(JobExecutionStatus.COMPLETED) == [older]

    async def test_the_last_record_of_an_execution_is_found(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        await self._insert(two_jobs, database, FIRST, FAILURE)
        await self._insert(two_jobs, database, ERROR_ACTION, execution_id="x2")
        other = replace(CLAIMED, id="x3")

        assert await do(database, lambda c: two_jobs.history.last(c, CLAIMED)) == FAILURE
        assert await do(database, lambda c: two_jobs.history.last(c, other)) is None

    async def test_the_newest_records_of_a_job_are_kept(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        records = [at(FIRST, START + number * SECOND) for number in range(5)]
        await self._insert(two_jobs, database, *records)
        await self._insert(two_jobs, database, *records, job_id=2)

        for keep, left in ((6, 5), (5, 5), (3, 3), (0, 0)):
            await self._trim(two_jobs, database, keep)
            assert await self._list(two_jobs, database) == records[::-1][:left]
        assert await self._count_of_other(two_jobs, database) == 5

    async def test_a_range_holds_the_first_and_the_last_of_what_it_was_given(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        history = two_jobs.history
        ids = await database.run(
            lambda tx: [history.skip(tx, 1, OVERLAP, is_open=True) for _ in range(2)]
        )

        def extend(tx: Transaction) -> None:
            for seconds in (2, 5, 3, -1):
                history.extend_skip(tx, ids[0], occurrence=START + seconds * SECOND)

        await database.run(extend)

        closed = [await database.run(lambda tx, i=i: history.close_skip(tx, i)) for i in ids]  # type: ignore[misc]
        assert closed == [replace(OVERLAP, first=START - SECOND, last=START + 5 * SECOND), OVERLAP]

    async def test_an_id_of_a_range_is_never_given_again(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        history = two_jobs.history
        before = await database.run(lambda tx: history.skip(tx, 2, OVERLAP, is_open=False))
        await do(database, lambda c: two_jobs.jobs.delete(c, 1, "other"))

        after = await database.run(lambda tx: history.skip(tx, 1, OVERLAP, is_open=False))

        assert after > before

    async def test_what_ended_before_an_instant_is_dropped_a_few_at_a_time(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        await self._insert(
            two_jobs, database, *(at(FIRST, START + number * SECOND) for number in range(5))
        )

        pruned = [await self._prune(two_jobs, database, START + 3 * SECOND) for _ in range(3)]

        assert pruned == [2, 1, 0]
        left = await self._list(two_jobs, database)
        assert [one.end_time for one in left] == [START + 4 * SECOND, START + 3 * SECOND]

    async def test_p5_an_open_range_is_not_dropped_however_old(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        """Its job may have months between two occurrences, and between two retries."""
        history = two_jobs.history

        def skip(tx: Transaction) -> int:
            opened = history.skip(tx, 1, OVERLAP, is_open=True)
            history.skip(tx, 1, OVERLAP, is_open=False)
            return opened

        opened = await database.run(skip)

        assert await self._prune(two_jobs, database, START + SECOND) == 1
        assert await self._prune(two_jobs, database, START + SECOND) == 0
        assert await database.run(lambda tx: history.close_skip(tx, opened)) == OVERLAP
        assert await self._prune(two_jobs, database, START + SECOND) == 1

    async def test_executions_and_jobs_are_dropped_when_they_ended_and_not_before(
        self, two_jobs: SchedulerStore, database: Database
    ) -> None:
        ended = replace(NEW, id="ended", occurrence=START)

        def write(tx: Transaction) -> None:
            two_jobs.executions.claim(tx, [NEW, ended], now=START)
            two_jobs.executions.withdraw(tx, "ended", state=ExecutionState.SKIPPED, now=START)
            for job_id in (1, 2):
                two_jobs.timings.define(tx, job_id, Timing(), resets=True)
            two_jobs.timings.end(tx, 2, state=JobState.COMPLETED, now=START)

        await database.run(write)
        await self._insert(two_jobs, database, at(FIRST, START - SECOND), job_id=2)

        assert await self._prune(two_jobs, database, START) == 1
        assert await self._prune(two_jobs, database, START) == 0
        assert [await self._prune(two_jobs, database, START + SECOND) for _ in range(3)] == [
            1,
            1,
            0,
        ]
        jobs = await do(database, lambda c: two_jobs.jobs.list(c, 1, state=None, skip=0, top=9))
        assert [one.name for one in jobs] == ["Nightly"]
        assert await do(database, lambda c: two_jobs.executions.find(c, "x1")) is not None
        await self._claim_again(two_jobs, database, ended)

    async def _claim_again(
        self, store: SchedulerStore, database: Database, row: NewExecution
    ) -> None:
        """What was dropped is known no more, so it is in nobody's way."""
        await database.run(lambda tx: store.executions.claim(tx, [row], now=START))

    async def _insert(
        self,
        store: SchedulerStore,
        database: Database,
        *records: JobHistory,
        job_id: int = 1,
        execution_id: str = "x1",
    ) -> None:
        execution: StoredExecution = replace(CLAIMED, id=execution_id, job_id=job_id)
        rows = [NewRecord(execution=execution, history=one) for one in records]
        await database.run(lambda tx: store.history.insert(tx, rows))

    async def _list(
        self,
        store: SchedulerStore,
        database: Database,
        *,
        status: JobExecutionStatus | None = None,
        state: JobState | None = None,
        skip: int = 0,
        top: int = 100,
    ) -> Sequence[JobHistory]:
        records = await do(
            database,
            lambda c: store.history.list(c, 1, status=status, state=state, skip=skip, top=top),
        )
        return [record.history for record in records]

    async def _count_of_other(self, store: SchedulerStore, database: Database) -> int:
        records = await do(
            database,
            lambda c: store.history.list(c, 2, status=None, state=None, skip=0, top=100),
        )
        return len(records)

    async def _trim(self, store: SchedulerStore, database: Database, keep: int) -> None:
        await database.run(lambda tx: store.history.trim(tx, 1, keep=keep))

    async def _prune(self, store: SchedulerStore, database: Database, before: datetime) -> int:
        return await database.run(lambda tx: store.history.prune(tx, before=before, limit=2))
