import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import settings

from shared.errors import LeaseLostError
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import HORIZON, MAX_EARLY, Lease, Nothing, NotYet, when_due
from shared.sql.database import Transaction
from tests.clocks import START, FakeClock
from tests.shared.messaging.work_bench import LEASE, WorkBench, table
from tests.shared.messaging.work_machine import WorkMachine

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def bench() -> Iterator[WorkBench]:
    bench = WorkBench()
    yield bench
    bench.connection.close()


def test_due_row_is_woken_at_once(bench: WorkBench) -> None:
    bench.insert("a", bench.now)

    assert bench.sent() == [(WakeUp("a", 0), None)]


def test_row_that_is_due_later_is_woken_then(bench: WorkBench) -> None:
    bench.insert("a", bench.now + HORIZON)

    assert bench.sent() == [(WakeUp("a", 0), bench.now + HORIZON)]


def test_row_that_is_due_much_later_is_woken_by_sweep_ten_minutes_before(bench: WorkBench) -> None:
    due_at = bench.now + 365 * 24 * 60 * MINUTE
    bench.insert("a", due_at)
    assert bench.sent() == []

    bench.now = due_at - HORIZON - SECOND
    assert bench.sweep() == 0
    bench.now += SECOND
    assert bench.sweep() == 1

    assert bench.sent() == [(WakeUp("a", 0), due_at)]


def test_wake_up_takes_the_lease(bench: WorkBench) -> None:
    bench.insert("a", bench.now)

    assert bench.start("a", 0) == Lease("a", 1, 1)


def test_doubled_wake_up_finds_nothing(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    bench.take("a", 0)

    assert bench.start("a", 0) == Nothing()


def test_late_wake_up_finds_nothing(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    bench.record(bench.take("a", 0), bench.now)
    bench.take("a", 1)

    assert bench.start("a", 0) == Nothing()


def test_early_wake_up_is_told_when_the_row_is_due(bench: WorkBench) -> None:
    bench.insert("a", bench.now + SECOND)

    assert bench.start("a", 0) == NotYet(bench.now + SECOND)


def test_wake_up_that_is_much_too_early_is_sent_again(bench: WorkBench) -> None:
    due_at = bench.now + MAX_EARLY + SECOND
    bench.insert("a", due_at)
    bench.sent()

    assert bench.start("a", 0) == Nothing()

    assert bench.sent() == [(WakeUp("a", 0), due_at)]
    bench.now = due_at
    bench.take("a", 0)


def test_row_that_is_due_earlier_by_now_is_not_put_off_by_an_early_wake_up(
    bench: WorkBench,
) -> None:
    bench.insert("a", bench.now + 24 * 60 * MINUTE)
    # Somebody makes it due between the arrival of the wake-up and its start.
    bench.schedule("a", 0, bench.now)
    bench.sent()

    bench.take("a", 0)


def test_row_that_was_started_meanwhile_is_not_scheduled(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    lease = bench.take("a", 0)
    bench.sent()

    bench.schedule("a", 0, bench.now + 24 * 60 * MINUTE)

    assert bench.sent() == []
    assert bench.due_at("a") == bench.now
    bench.record(lease, None)


async def test_when_due_waits_with_a_wake_up_that_is_a_little_early(bench: WorkBench) -> None:
    bench.insert("a", bench.now + MAX_EARLY)
    clock = FakeClock()

    async def start() -> Lease | NotYet | Nothing:
        bench.now = clock.now()
        return bench.start("a", 0)

    started = asyncio.create_task(when_due(start, clock))
    await clock.advance(MAX_EARLY - SECOND)
    assert not started.done()
    await clock.advance(SECOND)

    assert await started == Lease("a", 1, 1)
    assert await when_due(start, clock) is None


@pytest.mark.parametrize(("row_id", "attempt"), [("nobody", 0), ("a", 1), ("a", 7)])
def test_forged_wake_up_finds_nothing(bench: WorkBench, row_id: str, attempt: int) -> None:
    bench.insert("a", bench.now)

    assert bench.start(row_id, attempt) == Nothing()


def test_many_rows_are_woken_by_one_sending(bench: WorkBench) -> None:
    due_at = {"now": bench.now, "soon": bench.now + HORIZON, "late": bench.now + HORIZON + SECOND}

    bench.insert_many(due_at)

    assert bench.outbox.sizes == [2]
    assert bench.sent() == [(WakeUp("now", 0), None), (WakeUp("soon", 0), due_at["soon"])]
    assert {row_id: bench.due_at(row_id) for row_id in due_at} == due_at
    bench.take("now", 0)


def test_each_of_many_rows_is_swept_in_its_own_time(bench: WorkBench) -> None:
    start = bench.now
    bench.insert_many({"now": start, "soon": start + MINUTE, "late": start + 60 * MINUTE})
    bench.sent()

    swept: dict[str, float] = {}
    while bench.now < start + 60 * MINUTE:
        bench.now += MINUTE
        bench.sweep()
        for wake_up, _ in bench.sent():
            swept.setdefault(wake_up.id, (bench.now - start) / MINUTE)

    assert swept == {"now": 1, "soon": 2, "late": 50}


def test_nothing_is_sent_for_no_rows(bench: WorkBench) -> None:
    bench.insert_many({})

    assert bench.outbox.sizes == []


def test_withdrawn_row_is_never_started_or_swept(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    bench.sent()

    bench.withdraw("a")

    bench.now += 1000 * MINUTE
    assert [bench.start("a", attempt) for attempt in (0, 1)] == [Nothing()] * 2
    assert bench.sweep() == 0
    assert bench.free_leases() == 0
    assert bench.sent() == []
    assert bench.due_at("a") is None


@pytest.mark.parametrize("later", [timedelta(0), 2 * LEASE])
def test_holder_of_a_withdrawn_row_writes_nothing(bench: WorkBench, later: timedelta) -> None:
    bench.insert("a", bench.now)
    late = bench.take("a", 0)
    bench.now += later

    bench.withdraw("a")

    with pytest.raises(LeaseLostError, match="attempt 1 of a"):
        bench.record(late, bench.now)
    assert bench.due_at("a") is None


def test_row_is_withdrawn_alone(bench: WorkBench) -> None:
    bench.insert_many({"a": bench.now, "b": bench.now})

    bench.withdraw("a")

    bench.take("b", 0)


def test_forged_wake_up_of_a_live_lease_finds_nothing(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    lease = bench.take("a", 0)

    assert bench.start("a", lease.attempt) == Nothing()

    bench.record(lease, None)


def test_ended_row_is_never_started_or_swept(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    bench.record(bench.take("a", 0), None)
    bench.sent()

    bench.now += 1000 * MINUTE

    assert bench.start("a", 1) == Nothing()
    assert bench.sweep() == 0
    assert bench.sent() == []


def test_recorded_row_is_due_again_and_its_leases_count_anew(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    bench.sent()

    bench.record(bench.take("a", 0), bench.now + MINUTE)

    assert bench.sent() == [(WakeUp("a", 1), bench.now + MINUTE)]
    bench.now += MINUTE
    assert bench.take("a", 1).unrecorded == 1


def test_lease_that_ran_out_is_taken_by_the_next_and_counted(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    bench.take("a", 0)
    bench.sent()

    bench.now += LEASE
    assert bench.sweep() == 1

    assert bench.sent() == [(WakeUp("a", 1), None)]
    assert bench.take("a", 1) == Lease("a", 2, 2)


def test_holder_of_an_older_lease_writes_nothing(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    older = bench.take("a", 0)
    bench.now += LEASE
    newer = bench.take("a", 1)

    def write(tx: Transaction) -> None:
        tx.connection.execute(table.insert().values(id="result of the older"))
        bench.rows.record(tx, older, due_at=None, now=bench.now)

    with pytest.raises(LeaseLostError, match="attempt 1 of a"):
        bench.run(write)

    assert bench.connection.execute(table.select()).all()[0].id == "a"
    assert len(bench.connection.execute(table.select()).all()) == 1
    bench.record(newer, None)


def test_lease_that_ran_out_can_be_recorded_while_nobody_else_has_it(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    lease = bench.take("a", 0)
    bench.now += 2 * LEASE

    bench.record(lease, None)

    assert bench.start("a", 1) == Nothing()


def test_lease_is_recorded_once(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    lease = bench.take("a", 0)
    bench.record(lease, bench.now)
    bench.take("a", 1)

    with pytest.raises(LeaseLostError):
        bench.record(lease, bench.now)


def test_row_without_wake_up_is_swept_after_a_minute_and_then_ever_less_often(
    bench: WorkBench,
) -> None:
    bench.insert("a", bench.now)
    bench.sent()

    swept_at: list[float] = []
    while len(swept_at) < 5:
        bench.now += 30 * SECOND
        if bench.sweep():
            swept_at.append((bench.now - START) / MINUTE)

    assert swept_at == [1, 3, 7, 15, 31]
    assert bench.sent() == [(WakeUp("a", 0), None)] * 5


def test_waits_of_sweep_stop_growing(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    for _ in range(15):
        bench.now += 1024 * MINUTE
        assert bench.sweep() == 1


def test_starting_ends_the_doubling(bench: WorkBench) -> None:
    bench.insert("a", bench.now)
    for _ in range(3):
        bench.now += 60 * MINUTE
        bench.sweep()
    bench.record(bench.take("a", 0), bench.now)

    bench.now += MINUTE

    assert bench.sweep() == 1


def test_sweep_stops_at_its_limit_and_goes_on(bench: WorkBench) -> None:
    for number in range(5):
        bench.insert(str(number), bench.now)
    bench.now += MINUTE

    assert [bench.sweep(limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_p7_leases_of_a_dead_process_are_free_at_once(bench: WorkBench) -> None:
    for row_id in ("leased", "ended", "waiting"):
        bench.insert(row_id, bench.now)
    lost = bench.take("leased", 0)
    bench.record(bench.take("ended", 0), None)
    bench.sent()

    assert bench.free_leases() == 1
    assert bench.sweep() == 1

    assert bench.sent() == [(WakeUp("leased", 1), None)]
    assert bench.take("leased", 1).unrecorded == 2
    with pytest.raises(LeaseLostError):
        bench.record(lost, None)


def test_p7_wake_ups_that_a_dead_process_may_not_have_sent_are_sent_by_the_next(
    bench: WorkBench,
) -> None:
    bench.outbox.sends_with_commit = False
    for row_id, minutes in (("due", 0), ("soon", 9), ("later", 20)):
        bench.insert(row_id, bench.now + minutes * MINUTE)
    bench.record(bench.take("due", 0), bench.now)
    bench.sent()

    assert bench.free_leases() == 0
    assert bench.sweep() == 2

    in_nine_minutes = bench.now + 9 * MINUTE
    assert bench.sent() == [(WakeUp("due", 1), None), (WakeUp("soon", 0), in_nine_minutes)]


def test_row_is_taken_whatever_its_attempt_when_it_is_due_and_free(bench: WorkBench) -> None:
    def take(row_id: str) -> Lease | NotYet | Nothing:
        return bench.run(lambda tx: bench.rows.take(tx, row_id, now=bench.now))

    bench.insert("a", bench.now)
    lease = take("a")
    assert lease == Lease("a", 1, 1)
    assert take("a") == take("nobody") == Nothing()

    assert isinstance(lease, Lease)
    bench.record(lease, due_at=bench.now + SECOND)
    assert take("a") == NotYet(bench.now + SECOND)
    bench.now += SECOND
    lease = take("a")
    assert lease == Lease("a", 2, 1)

    assert isinstance(lease, Lease)
    bench.record(lease, due_at=None)
    assert take("a") == Nothing()


@pytest.mark.parametrize(
    "name",
    ["start", "state", "record", "withdraw", "due", "overdue", "unsent", "free"],
)
def test_p12_no_statement_looks_at_what_it_does_not_need(bench: WorkBench, name: str) -> None:
    statement = getattr(bench.rows._statements, name)
    text, names, _ = statement._for(bench.connection.dialect)

    plan = bench.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (1,) * len(names)).all()

    assert plan
    assert not [row.detail for row in plan if "SCAN" in row.detail or "TEMP B-TREE" in row.detail]


WorkMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestWorkMachine = WorkMachine.TestCase
