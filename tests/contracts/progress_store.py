"""What every store of jobs' progress does; a subclass provides the fixtures `store` and `database`."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.scheduler.execution_store import Count, Progress
from shared.scheduler.store import SchedulerStore
from shared.scheduler.timing import Claim, Timing
from shared.sql.database import Database, Transaction
from shared.wire.job import JobState, JobStatus
from tests.clocks import START
from tests.contracts.scheduler_store_steps import JOB, SchedulerStoreSteps, do

BEGUN = Progress(
    job_id=1,
    state=JobState.ENABLED,
    generation=1,
    counted_from=1,
    has_next=True,
    outstanding=2,
    active=None,
    open_skip=None,
)
NOTHING = Count(started_at=None)


class ProgressStoreContract(SchedulerStoreSteps):
    """Each step changes what it names and leaves the rest."""

    @pytest.fixture
    async def claimed(self, filled: SchedulerStore, database: Database) -> SchedulerStore:
        """Two executions of the job are outstanding, and it has a next occurrence."""
        claim = Claim(occurrence=START, claimed=1, next_occurrence=START)

        def write(tx: Transaction) -> None:
            for job_id in (1, filled.jobs.insert(tx.connection, 1, replace(JOB, name="other"))):
                filled.timings.define(tx, job_id, Timing(next_occurrence=START), resets=True)
                filled.timings.advance(tx, [(job_id, claim)] * 2)

        await database.run(write)
        return filled

    async def test_a_job_that_was_never_planned_or_is_gone_has_none(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        assert await do(database, lambda c: filled.progress.get(c, 1)) is None
        assert await do(database, lambda c: filled.progress.get(c, 7)) is None

    async def test_starts_are_counted_from_one(
        self, claimed: SchedulerStore, database: Database
    ) -> None:
        for number in (1, 2, 3):
            begun = await database.run(lambda tx: claimed.progress.begin(tx, 1, active=None))
            assert begun == number
        assert await self._progress(claimed, database) == BEGUN

    async def test_a_scheduled_start_is_active_and_ends_what_was_open(
        self, claimed: SchedulerStore, database: Database
    ) -> None:
        await self._do(database, lambda tx: claimed.progress.skip(tx, 1, open_skip=7))
        await self._do(database, lambda tx: claimed.progress.begin(tx, 1, active="x1"))

        assert await self._progress(claimed, database) == replace(BEGUN, outstanding=1, active="x1")

    async def test_a_start_that_somebody_asked_for_leaves_what_is_active_and_open(
        self, claimed: SchedulerStore, database: Database
    ) -> None:
        await self._do(database, lambda tx: claimed.progress.begin(tx, 1, active="x1"))
        await self._do(database, lambda tx: claimed.progress.skip(tx, 1, open_skip=7))
        await self._do(database, lambda tx: claimed.progress.begin(tx, 1, active=None))

        assert await self._progress(claimed, database) == replace(
            BEGUN, outstanding=1, active="x1", open_skip=7
        )

    async def test_what_was_skipped_is_not_outstanding_any_more(
        self, claimed: SchedulerStore, database: Database
    ) -> None:
        await self._do(database, lambda tx: claimed.progress.skip(tx, 1, open_skip=7))

        assert await self._progress(claimed, database) == replace(BEGUN, outstanding=1, open_skip=7)

    @pytest.mark.parametrize(
        ("ended", "expected"),
        [
            (None, replace(BEGUN, active="x1")),
            ("x1", replace(BEGUN, outstanding=1)),
            ("x2", replace(BEGUN, outstanding=1, active="x1")),
        ],
    )
    async def test_what_ended_is_neither_outstanding_nor_active(
        self,
        claimed: SchedulerStore,
        database: Database,
        ended: str | None,
        expected: Progress,
    ) -> None:
        await self._do(database, lambda tx: claimed.progress.begin(tx, 1, active="x1"))

        await self._do(database, lambda tx: claimed.progress.settle(tx, 1, NOTHING, ended=ended))

        assert await self._progress(claimed, database) == expected

    async def test_counters_add_up(self, claimed: SchedulerStore, database: Database) -> None:
        added = Count(started_at=START, attempts=1, failures=2, faults=3)

        def settle(tx: Transaction) -> None:
            for one in (added, NOTHING, replace(added, failures=0)):
                claimed.progress.settle(tx, 1, one, ended=None)

        await self._do(database, settle)

        status = await self._status(claimed, database, "nightly")
        assert status == JobStatus(
            last_execution_time=START,
            next_execution_time=START,
            execution_count=2,
            failure_count=2,
            faulted_count=6,
        )

    async def test_each_job_has_its_own_progress(
        self, claimed: SchedulerStore, database: Database
    ) -> None:
        added = Count(started_at=START, attempts=1)
        for change in (
            lambda tx: claimed.progress.begin(tx, 1, active="x1"),
            lambda tx: claimed.progress.skip(tx, 1, open_skip=7),
            lambda tx: claimed.progress.settle(tx, 1, added, ended="x1"),
        ):
            await self._do(database, change)

        other = await do(database, lambda c: claimed.progress.get(c, 2))
        assert other == replace(BEGUN, job_id=2)
        assert await self._status(claimed, database, "other") == JobStatus(
            next_execution_time=START
        )

    async def _do(self, database: Database, change: Callable[[Transaction], object]) -> None:
        await database.run(change)

    async def _progress(self, store: SchedulerStore, database: Database) -> Progress:
        found = await do(database, lambda c: store.progress.get(c, 1))
        assert found is not None
        return found

    async def _status(self, store: SchedulerStore, database: Database, name: str) -> JobStatus:
        found = await do(database, lambda c: store.jobs.find(c, 1, name))
        assert found is not None
        return found.status
