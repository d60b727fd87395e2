"""What every store of timings does; a subclass provides the fixtures `store` and `database`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.errors import InvalidRequestError
from shared.scheduler.announcements import JobPath
from shared.scheduler.execution_store import Count, DueJob, Progress
from shared.scheduler.store import SchedulerStore
from shared.scheduler.timing import Claim, Timing
from shared.sql.database import Database, Transaction
from shared.wire.job import JobState, JobStatus
from shared.wire.recurrence import Frequency, MonthlyOccurrence, Schedule, WeekDay
from tests.clocks import START
from tests.contracts.scheduler_store_steps import JOB, SchedulerStoreSteps, do

SECOND = timedelta(seconds=1)
FULL = Timing(
    frequency=Frequency.WEEK,
    interval=3,
    anchor=START - timedelta(days=400, microseconds=7),
    count=2**31 - 1,
    end_time=START + timedelta(days=400, microseconds=7),
    next_occurrence=START + timedelta(microseconds=1),
    claimed=5,
)
SCHEDULED = replace(
    FULL,
    frequency=Frequency.MONTH,
    schedule=Schedule(
        minutes=(45, 15),
        hours=(5,),
        monthly_occurrences=(
            MonthlyOccurrence(day=WeekDay.FRIDAY, occurrence=-1),
            MonthlyOccurrence(day=WeekDay.SUNDAY),
        ),
    ),
)
DRIFTING = Timing(frequency=Frequency.MINUTE, drifts=True, next_occurrence=START)


class TimingStoreContract(SchedulerStoreSteps):
    """A timing is kept as it is given; what is due is found by its next occurrence alone."""

    @pytest.mark.parametrize(
        "timing",
        [
            FULL,
            SCHEDULED,
            DRIFTING,
            Timing(),
            *(replace(DRIFTING, frequency=one) for one in Frequency),
        ],
    )
    async def test_a_timing_is_kept_to_the_microsecond(
        self, filled: SchedulerStore, database: Database, timing: Timing
    ) -> None:
        assert await do(database, lambda c: filled.timings.get(c, 1)) is None

        for generation in (1, 2):
            await self._define(filled, database, timing)
            found = await do(database, lambda c: filled.timings.get(c, 1))
            assert found == replace(timing, generation=generation)

    async def test_a_definition_begins_a_generation_with_nothing_outstanding(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, FULL)
        await self._advance(filled, database, Claim(occurrence=START, claimed=6))

        def begin(tx: Transaction) -> None:
            filled.progress.begin(tx, 1, active="x")
            filled.progress.skip(tx, 1, open_skip=7)

        await database.run(begin)
        await self._define(filled, database, DRIFTING, resets=False)

        assert await self._progress(filled, database) == Progress(
            job_id=1,
            state=JobState.ENABLED,
            generation=2,
            counted_from=1,
            has_next=True,
            outstanding=0,
            active=None,
            open_skip=None,
        )

    async def test_counters_begin_again_only_where_a_definition_resets_them(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, FULL)
        counted = JobStatus(
            last_execution_time=START, execution_count=3, failure_count=2, faulted_count=1
        )
        await self._count(filled, database, counted)

        await self._define(filled, database, Timing(claimed=4), resets=False)
        assert await self._status(filled, database) == counted
        assert await self._begin(filled, database) == 2
        assert (await self._progress(filled, database)).counted_from == 1

        await self._define(filled, database, Timing(), resets=True)
        assert await self._status(filled, database) == JobStatus()
        assert await self._begin(filled, database) == 1
        assert (await self._progress(filled, database)).counted_from == 3

    async def test_what_is_due_is_found_earliest_first_and_no_more_than_asked_for(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        for name, seconds in (("c", 3), ("a", 1), ("b", 2), ("never", None)):
            await self._add(filled, database, name, seconds)

        async def due(seconds: float, limit: int = 9) -> list[str]:
            until = START + seconds * SECOND
            rows = await database.run(lambda tx: filled.timings.due(tx, until=until, limit=limit))
            return [row.path.job for row in rows]

        assert await due(0.999999) == []
        assert await due(1) == ["a"]
        assert await due(9) == ["a", "b", "c"]
        assert await due(9, limit=2) == ["a", "b"]
        assert await self._earliest(filled, database) == START + SECOND

    async def test_nothing_is_the_earliest_where_nothing_is_planned(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        assert await self._earliest(filled, database) is None

        await self._define(filled, database, Timing())

        assert await self._earliest(filled, database) is None

    async def test_what_is_due_comes_with_its_names_and_its_timing(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, FULL)

        (row,) = await self._due(filled, database)

        assert (row.id, row.job_collection_id, row.generation) == (1, 1, 1)
        assert row.path == JobPath(
            subscription="s", cloud_service="Cs1", job_collection="Jc1", job="Nightly"
        )
        assert row.timing() == replace(FULL, generation=1)
        assert row.definition is None

    async def test_a_job_that_was_never_planned_is_due_with_its_definition(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await do(
            database,
            lambda c: c.exec_driver_sql(
                "INSERT INTO job_timing (job_id, generation, next_occurrence) VALUES (1, 0, 0)"
            ),
        )

        (row,) = await self._due(filled, database)

        assert (row.generation, row.definition) == (0, JOB.definition)
        assert JOB.definition not in repr(row)

    @pytest.mark.parametrize(
        ("broken_column", "error"), [("frequency", KeyError), ("schedule", InvalidRequestError)]
    )
    async def test_one_timing_that_cannot_be_read_keeps_no_other_from_being_due(
        self,
        filled: SchedulerStore,
        database: Database,
        broken_column: str,
        error: type[Exception],
    ) -> None:
        await self._add(filled, database, "other", 1)
        await self._define(filled, database, FULL)
        await do(
            database,
            lambda c: c.exec_driver_sql(
                f"UPDATE job_timing SET {broken_column} = 'x' WHERE job_id = 1"
            ),
        )

        broken, other = await self._due(filled, database)

        assert other.timing().next_occurrence == START + SECOND
        with pytest.raises(error):
            broken.timing()

    async def test_a_claim_moves_the_job_on_and_counts_one_more_outstanding(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, FULL)
        later = START + timedelta(days=21)

        await self._advance(
            filled, database, Claim(occurrence=START, claimed=6, next_occurrence=later)
        )
        await self._advance(filled, database, Claim(occurrence=later, claimed=7))

        expected = replace(FULL, generation=1, claimed=7, next_occurrence=None)
        assert await do(database, lambda c: filled.timings.get(c, 1)) == expected
        progress = await self._progress(filled, database)
        assert (progress.outstanding, progress.has_next) == (2, False)

    async def test_the_next_occurrence_is_set_with_what_was_claimed_and_nothing_else(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, FULL)
        before = await self._progress(filled, database)
        new = Timing(claimed=2, next_occurrence=START + SECOND)

        await database.run(lambda tx: filled.timings.set_next(tx, 1, new))

        assert await do(database, lambda c: filled.timings.get(c, 1)) == replace(
            FULL, generation=1, claimed=2, next_occurrence=START + SECOND
        )
        assert await self._progress(filled, database) == before

    async def test_a_job_that_ended_is_never_due_and_keeps_its_counters(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._define(filled, database, FULL)
        counted = JobStatus(last_execution_time=START, execution_count=1)
        await self._count(filled, database, counted)
        await database.run(lambda tx: filled.progress.skip(tx, 1, open_skip=7))

        await database.run(lambda tx: filled.timings.end(tx, 1, state=JobState.FAULTED, now=START))

        progress = await self._progress(filled, database)
        assert (progress.state, progress.has_next) == (JobState.FAULTED, False)
        assert progress.open_skip is None
        assert await self._status(filled, database) == counted
        assert await self._due(filled, database) == []

    async def test_each_job_has_its_own_timing(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._add(filled, database, "other", 1)
        other = await do(database, lambda c: filled.timings.get(c, 2))

        await self._define(filled, database, FULL)
        await self._advance(filled, database, Claim(occurrence=START, claimed=6))
        await database.run(
            lambda tx: filled.timings.end(tx, 1, state=JobState.COMPLETED, now=START)
        )

        assert await do(database, lambda c: filled.timings.get(c, 2)) == other
        assert [row.path.job for row in await self._due(filled, database)] == ["other"]

    async def _add(
        self, store: SchedulerStore, database: Database, name: str, seconds: int | None
    ) -> None:
        def add(tx: Transaction) -> None:
            job_id = store.jobs.insert(tx.connection, 1, replace(JOB, name=name))
            following = None if seconds is None else START + seconds * SECOND
            timing = Timing(next_occurrence=following)
            store.timings.define(tx, job_id, timing, resets=True)

        await database.run(add)

    async def _define(
        self, store: SchedulerStore, database: Database, timing: Timing, *, resets: bool = True
    ) -> None:
        await database.run(lambda tx: store.timings.define(tx, 1, timing, resets=resets))

    async def _advance(self, store: SchedulerStore, database: Database, claim: Claim) -> None:
        await database.run(lambda tx: store.timings.advance(tx, [(1, claim)]))

    async def _due(self, store: SchedulerStore, database: Database) -> Sequence[DueJob]:
        until = START + timedelta(days=1)
        return await database.run(lambda tx: store.timings.due(tx, until=until, limit=9))

    async def _earliest(self, store: SchedulerStore, database: Database) -> datetime | None:
        return await database.run(store.timings.earliest)

    async def _progress(self, store: SchedulerStore, database: Database) -> Progress:
        found = await do(database, lambda c: store.progress.get(c, 1))
        assert found is not None
        return found

    async def _count(self, store: SchedulerStore, database: Database, status: JobStatus) -> None:
        added = Count(
            started_at=status.last_execution_time,
            attempts=status.execution_count,
            failures=status.failure_count,
            faults=status.faulted_count,
        )

        def count(tx: Transaction) -> None:
            store.progress.begin(tx, 1, active=None)
            store.progress.settle(tx, 1, added, ended=None)

        await database.run(count)

    async def _status(self, store: SchedulerStore, database: Database) -> JobStatus:
        """Return the counters, whatever comes next."""
        found = await do(database, lambda c: store.jobs.find(c, 1, "nightly"))
        assert found is not None
        return found.status.model_copy(update={"next_execution_time": None})

    async def _begin(self, store: SchedulerStore, database: Database) -> int:
        return await database.run(lambda tx: store.progress.begin(tx, 1, active=None))
