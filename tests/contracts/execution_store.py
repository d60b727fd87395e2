"""What every store of executions does; a subclass provides the fixtures `store` and `database`."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.errors import LeaseLostError
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet
from shared.scheduler.announcements import BY_SCHEDULE, JobPath
from shared.scheduler.execution_store import (
    Following,
    NewExecution,
    Polling,
    RunningJob,
    StoredExecution,
)
from shared.scheduler.lifecycle import ExecutionState
from shared.scheduler.store import SchedulerStore
from shared.scheduler.timing import Claim, Timing
from shared.sql.database import Database, Transaction
from shared.wire.job import ActionName, JobState
from tests.clocks import START
from tests.contracts.scheduler_store_steps import (
    COLLECTION,
    JOB,
    SERVICE,
    SchedulerStoreSteps,
    do,
)

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=90)
NEW = NewExecution(
    id="x1",
    job_id=1,
    generation=1,
    origin=BY_SCHEDULE,
    occurrence=START + timedelta(microseconds=1),
    path=JobPath(subscription="s", cloud_service="Cs1", job_collection="Jc1", job="Nightly"),
)
DUE_AT = NEW.occurrence
CLAIMED = StoredExecution(
    id="x1",
    job_id=1,
    generation=1,
    origin=BY_SCHEDULE,
    occurrence=NEW.occurrence,
    path=NEW.path,
    state=ExecutionState.CLAIMED,
    action_name=ActionName.MAIN_ACTION,
    retry_count=0,
    recorded=0,
    repeat_count=None,
    started_at=None,
    attempt=0,
    due_at=NEW.occurrence,
    leased_until=None,
)
RETRY = Following(
    state=ExecutionState.WAITING,
    action_name=ActionName.ERROR_ACTION,
    retry_count=3,
    recorded=7,
    due_at=START + 60 * SECOND,
)
END = replace(RETRY, state=ExecutionState.FAILED, due_at=None)
POLL = replace(
    RETRY, polling=Polling(uri="http://target.example/1", since=START + timedelta(microseconds=7))
)


class ExecutionStoreContract(SchedulerStoreSteps):
    """An execution is claimed once, worked on under a lease, and found until it ends."""

    async def test_a_claimed_execution_is_found_until_it_ends(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)

        assert await self._find(filled, database) == CLAIMED
        assert await do(database, lambda c: filled.executions.find(c, "x2")) is None
        await self._withdraw(filled, database, "x1")
        assert await do(database, lambda c: filled.executions.find(c, "x1")) is None

    async def test_it_is_found_with_its_job_as_far_as_there_is_one(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW, replace(NEW, id="x2", job_id=77))

        assert await self._job(filled, database, "x1") is None
        assert await self._job(filled, database, "x2") is None
        await database.run(lambda tx: plan(filled, tx))
        assert await self._job(filled, database, "x2") is None
        assert await self._job(filled, database, "x1") == RunningJob(
            job_id=1,
            state=JobState.ENABLED,
            generation=1,
            counted_from=1,
            has_next=False,
            outstanding=1,
            active=None,
            open_skip=None,
            job_collection_id=1,
            definition=JOB.definition,
            collection_definition=COLLECTION.definition,
            service_definition=SERVICE.definition,
            drifts=True,
        )
        await do(database, lambda c: filled.jobs.delete(c, 1, "nightly"))
        assert await self._job(filled, database, "x1") is None

    @pytest.mark.parametrize("is_ended", [False, True])
    async def test_p5_an_occurrence_is_claimed_once(
        self, filled: SchedulerStore, database: Database, is_ended: bool
    ) -> None:
        await self._claim(filled, database, NEW)
        if is_ended:
            await self._withdraw(filled, database, "x1")

        others = [
            replace(NEW, id="x2", job_id=2),
            replace(NEW, id="x3", generation=2),
            replace(NEW, id="x4", origin="a request"),
            replace(NEW, id="x5", occurrence=START),
        ]
        with pytest.raises(Exception, match="UNIQUE|unique"):
            await self._claim(filled, database, *others, replace(NEW, id="x6"))
        await self._claim(filled, database, *others)

        found = [await self._exists(filled, database, f"x{number}") for number in range(2, 7)]
        assert found == [True] * 4 + [False]

    async def test_executions_of_a_job_are_those_that_have_not_ended_oldest_occurrence_first(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        rows = [
            replace(NEW, id=f"x{number}", occurrence=START + number * SECOND)
            for number in (3, 1, 2, 4)
        ]
        await self._claim(filled, database, *rows, replace(NEW, id="other", job_id=2))
        await self._withdraw(filled, database, "x2")

        found = await do(database, lambda c: filled.executions.of_job(c, 1))

        assert [one.id for one in found] == ["x1", "x3", "x4"]
        assert found[0] == replace(
            CLAIMED, occurrence=START + SECOND, due_at=START + SECOND, id="x1"
        )

    async def test_the_latest_occurrence_of_a_schedule_is_known_even_if_it_has_ended(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        async def latest(generation: int) -> datetime | None:
            return await do(
                database, lambda c: filled.executions.latest(c, 1, generation=generation)
            )

        assert await latest(1) is None
        late = START + 9 * SECOND
        await self._claim(
            filled,
            database,
            replace(NEW, id="x2", occurrence=START + SECOND),
            NEW,
            replace(NEW, id="asked for", origin="a request", occurrence=late),
            replace(NEW, id="planned anew", generation=2, occurrence=late),
            replace(NEW, id="other", job_id=2, occurrence=late),
        )
        await self._withdraw(filled, database, "x2")

        assert await latest(1) == START + SECOND
        assert await latest(2) == late

    async def test_it_starts_when_its_occurrence_has_come_and_not_before(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)

        assert await self._start(filled, database, now=START) == NotYet(DUE_AT)
        assert await self._start(filled, database, attempt=1, now=DUE_AT) == Nothing()
        lease = await self._start(filled, database, now=DUE_AT)

        assert lease == Lease("x1", 1, 1)
        assert await self._find(filled, database) == replace(
            CLAIMED,
            state=ExecutionState.RUNNING,
            started_at=DUE_AT,
            attempt=1,
            leased_until=DUE_AT + LEASE,
        )
        assert await self._start(filled, database, attempt=1, now=DUE_AT) == Nothing()

    async def test_it_starts_again_when_its_lease_ran_out(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)
        await self._start(filled, database, now=DUE_AT)

        lease = await self._start(filled, database, attempt=1, now=DUE_AT + LEASE)

        assert lease == Lease("x1", 2, 2)
        found = await self._find(filled, database)
        assert found.started_at == DUE_AT + LEASE

    async def test_it_has_a_number_of_its_own(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW, replace(NEW, id="x2", occurrence=START))

        await self._start(filled, database, now=DUE_AT, repeat_count=5)

        assert (await self._find(filled, database)).repeat_count == 5
        other = await do(database, lambda c: filled.executions.find(c, "x2"))
        assert other is not None
        assert other[0].repeat_count is None

    async def test_what_is_held_back_is_due_later_and_keeps_its_occurrence(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)
        until = DUE_AT + 5 * SECOND

        def hold_back(tx: Transaction) -> None:
            filled.executions.hold_back(tx, WakeUp("x1", 0), until=until, now=DUE_AT)
            filled.executions.hold_back(tx, WakeUp("x1", 1), until=until + SECOND, now=DUE_AT)

        await database.run(hold_back)

        assert await self._find(filled, database) == replace(CLAIMED, due_at=until)
        assert await self._start(filled, database, now=DUE_AT) == NotYet(until)
        assert await self._start(filled, database, now=until) == Lease("x1", 1, 1)

    async def test_a_record_says_how_it_goes_on(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)
        lease = await self._start(filled, database, now=DUE_AT)

        await self._record(filled, database, lease, RETRY)

        assert await self._find(filled, database) == replace(
            CLAIMED,
            state=ExecutionState.WAITING,
            action_name=ActionName.ERROR_ACTION,
            retry_count=3,
            recorded=7,
            started_at=DUE_AT,
            attempt=1,
            due_at=RETRY.due_at,
        )
        assert await self._start(filled, database, attempt=1, now=START) == NotYet(
            START + 60 * SECOND
        )

    async def test_a_record_without_another_instant_is_the_last(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)
        lease = await self._start(filled, database, now=DUE_AT)

        await self._record(filled, database, lease, END)

        assert not await self._exists(filled, database, "x1")
        assert await self._start(filled, database, attempt=1, now=DUE_AT + LEASE) == Nothing()

    async def test_an_execution_that_polls_runs_since_its_first_start(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)
        lease = await self._start(filled, database, now=DUE_AT)

        await self._record(filled, database, lease, POLL)
        lease = await self._start(filled, database, attempt=1, now=START + 60 * SECOND)

        assert lease == Lease("x1", 2, 1)
        found = await self._find(filled, database)
        assert (found.polling, found.started_at) == (POLL.polling, DUE_AT)
        await self._record(filled, database, lease, RETRY)
        await self._start(filled, database, attempt=2, now=START + 61 * SECOND)
        found = await self._find(filled, database)
        assert (found.polling, found.started_at) == (None, START + 61 * SECOND)

    @pytest.mark.parametrize("following", [RETRY, POLL, END])
    async def test_p7_who_lost_the_lease_writes_nothing(
        self, filled: SchedulerStore, database: Database, following: Following
    ) -> None:
        await self._claim(filled, database, NEW)
        late = await self._start(filled, database, now=DUE_AT)
        await self._start(filled, database, attempt=1, now=DUE_AT + LEASE)
        before = await self._find(filled, database)

        with pytest.raises(LeaseLostError):
            await self._record(filled, database, late, following)

        assert await self._find(filled, database) == before

    async def test_what_was_withdrawn_does_not_start_and_takes_no_record(
        self, filled: SchedulerStore, database: Database
    ) -> None:
        await self._claim(filled, database, NEW)
        lease = await self._start(filled, database, now=DUE_AT)

        await self._withdraw(filled, database, "x1")

        for attempt in (0, 1, 2):
            started = await self._start(filled, database, attempt=attempt, now=DUE_AT + LEASE)
            assert started == Nothing()
        with pytest.raises(LeaseLostError):
            await self._record(filled, database, lease, RETRY)
        assert not await self._exists(filled, database, "x1")

    async def _claim(self, store: SchedulerStore, database: Database, *rows: NewExecution) -> None:
        await database.run(lambda tx: store.executions.claim(tx, rows, now=START))

    async def _find(self, store: SchedulerStore, database: Database) -> StoredExecution:
        found = await do(database, lambda c: store.executions.find(c, "x1"))
        assert found is not None
        return found[0]

    async def _job(self, store: SchedulerStore, database: Database, id: str) -> RunningJob | None:
        found = await do(database, lambda c: store.executions.find(c, id))
        assert found is not None
        return found[1]

    async def _exists(self, store: SchedulerStore, database: Database, id: str) -> bool:
        return await do(database, lambda c: store.executions.find(c, id)) is not None

    async def _start(
        self,
        store: SchedulerStore,
        database: Database,
        *,
        attempt: int = 0,
        now: datetime,
        repeat_count: int | None = None,
    ) -> Lease | NotYet | Nothing:
        wake_up = WakeUp("x1", attempt)
        return await database.run(
            lambda tx: store.executions.start(tx, wake_up, repeat_count=repeat_count, now=now)
        )

    async def _record(
        self,
        store: SchedulerStore,
        database: Database,
        lease: Lease | NotYet | Nothing,
        following: Following,
    ) -> None:
        assert isinstance(lease, Lease)
        await database.run(lambda tx: store.executions.record(tx, lease, following, now=DUE_AT))

    async def _withdraw(self, store: SchedulerStore, database: Database, id: str) -> None:
        skipped = ExecutionState.SKIPPED
        await database.run(lambda tx: store.executions.withdraw(tx, id, state=skipped, now=DUE_AT))


def plan(store: SchedulerStore, tx: Transaction) -> None:
    store.timings.define(tx, 1, Timing(drifts=True, next_occurrence=START), resets=True)
    store.timings.advance(tx, [(1, Claim(occurrence=START, claimed=1))])
