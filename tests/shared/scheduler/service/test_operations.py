import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from shared.messaging.entities import SERVICE_OPERATIONS
from shared.messaging.steps import AT_ONCE
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease
from shared.scheduler.service.operation_steps import JOBS_AT_ONCE, MAX_UNRECORDED
from shared.scheduler.service.operations import LOOK_AGAIN, PATIENCE, ServiceOperations
from shared.scheduler.store import StoredJob
from shared.scheduler.stores.tables import history
from shared.sql.database import Transaction, Value, Work
from shared.sql.inline import InlineDatabase
from shared.wire.job import JobState
from shared.wire.json_types import Json
from tests.clocks import FakeClock, settle
from tests.shared.scheduler.engine_stack import EngineStack
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC,
    JC_PASSED,
    JOB,
    JOBS,
    ROOT,
    Stack,
    job_collection,
    open_stack,
)


async def test_an_operation_is_in_progress_until_it_is_carried_out(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    url = f"{ROOT}/operations/{created.request_id}"

    before = await stack.call("GET", url)
    await stack.work()
    after = await stack.call("GET", url)

    assert (before.status, len(before.body)) == (200, 197)
    assert (after.status, len(after.body)) == (200, 232)
    assert f"<ID>{UUID(created.request_id)}</ID><Status>Succeeded</Status>" in after.text()
    assert "<HttpStatusCode>200</HttpStatusCode>" in after.text()


async def test_dashes_and_capitals_in_the_id_do_not_matter(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    dashed = str(UUID(created.request_id)).upper()

    assert (await stack.call("GET", f"{ROOT}/Operations/{dashed}")).status == 200


async def test_an_unknown_operation_is_not_found(stack: Stack) -> None:
    for operation_id in ("f" * 32, "nonsense"):
        refused = await stack.call("GET", f"{ROOT}/operations/{operation_id}")

        assert refused.status == 404
        assert "<Code>ResourceNotFound</Code>" in refused.text()


async def test_a_synchronous_change_can_be_polled_for_an_hour_and_is_then_forgotten(
    stack: Stack,
) -> None:
    await stack.prepare()
    put = await stack.call("PUT", f"{JOBS}/a", JOB)
    deleted = await stack.call("DELETE", f"{JOBS}/a")

    stack.clock.set(stack.clock.now() + timedelta(hours=1, minutes=59))
    await stack.operations.sweep(stack.clock.now())
    assert [await stack.status(put), await stack.status(deleted)] == ["Succeeded"] * 2

    stack.clock.set(stack.clock.now() + timedelta(hours=1))
    await stack.operations.sweep(stack.clock.now())
    assert (await stack.call("GET", f"{ROOT}/operations/{put.request_id}")).status == 404


async def test_p7_what_was_accepted_is_carried_out_by_the_next_process(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_stack(tmp_path, clock) as first:
        created = await first.call("PUT", CS, CLOUD_SERVICE)
        deleted = await first.call("DELETE", CS)
        # It dies with one operation leased and its message locked.
        (message,) = await first.broker.receiver(SERVICE_OPERATIONS).receive(
            max_messages=1, max_wait=None
        )
        wake_up = WakeUp.decode(message.message.body)
        await first.database.run(lambda tx: first.store.work.start(tx, wake_up, now=clock.now()))

    async with open_stack(tmp_path, clock, ids=1000) as second:
        await second.database.run(second.broker.free_locks)
        assert await second.operations.free_leases(clock.now()) == 1
        await second.operations.sweep(clock.now())
        await second.work()

        assert [await second.status(created), await second.status(deleted)] == ["Succeeded"] * 2
        assert (await second.call("GET", CS)).status == 404


async def test_p7_a_lost_wake_up_is_swept(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    receiver = stack.broker.receiver(SERVICE_OPERATIONS)
    (lost,) = await receiver.receive(max_messages=1, max_wait=None)
    await receiver.complete(lost)
    assert await stack.work() == 0

    stack.clock.set(stack.clock.now() + timedelta(seconds=61))
    assert await stack.operations.sweep(stack.clock.now()) == 1
    await stack.work()

    assert await stack.status(created) == "Succeeded"


async def test_doubled_and_forged_wake_ups_do_nothing(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    await stack.work()

    for wake_up in (WakeUp(created.request_id, 0), WakeUp(created.request_id, 9), WakeUp("x", 0)):
        await stack.operations.run(wake_up)

    assert await stack.status(created) == "Succeeded"


async def test_a_wake_up_a_little_before_its_time_waits(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    stack.clock.set(stack.clock.now() - timedelta(seconds=5))

    early = asyncio.create_task(stack.operations.run(WakeUp(created.request_id, 0)))
    await settle()
    assert await stack.status(created) == "InProgress"
    await stack.clock.advance(timedelta(seconds=5))
    await early

    assert await stack.status(created) == "Succeeded"


async def test_a_wake_up_much_before_its_time_comes_again(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    due_at = stack.clock.now()
    stack.clock.set(due_at - timedelta(seconds=61))
    await stack.operations.run(WakeUp(created.request_id, 0))
    assert await stack.status(created) == "InProgress"

    stack.clock.set(due_at)
    await stack.work()

    assert await stack.status(created) == "Succeeded"


async def count_jobs(stack: Stack) -> int:
    return await stack.database.read(lambda connection: stack.store.jobs.count(connection, 1))


async def test_p12_a_deletion_removes_a_bounded_number_of_jobs_at_a_time(
    stack: Stack, engine: EngineStack
) -> None:
    for number in range(40):
        assert (await stack.call("PUT", f"{JOBS}/job{number}", JOB)).status == 201
    await fill(stack, JOBS_AT_ONCE - 39)
    await engine.told()

    deleted = await stack.call("DELETE", JC)
    await stack.operations.run(WakeUp(deleted.request_id, 0))

    assert await count_jobs(stack) == 1
    assert await stack.status(deleted) == "InProgress"
    assert await stack.work() == 2  # the wake-up of what is done already, and the rest
    assert await stack.status(deleted) == "Succeeded"
    assert (await stack.call("GET", JC_PASSED)).status == 404
    told = await engine.told()
    assert {event.type for event in told} == {"tocsin.job.deleted"}
    assert len({event.id for event in told}) == len(told) == JOBS_AT_ONCE + 1
    assert {event.id.split("/")[0] for event in told} == {deleted.request_id}


async def fill(stack: Stack, jobs: int) -> None:
    """Add jobs as they are in a database from before there was an engine: without a timing."""
    definition = json.dumps(JOB)

    def insert(transaction: Transaction) -> None:
        for number in range(jobs):
            row = StoredJob(name=f"old{number}", state=JobState.ENABLED, definition=definition)
            stack.store.jobs.insert(transaction.connection, 1, row)

    await stack.database.run(insert)


async def test_p12_a_deletion_removes_history_first_and_a_bounded_number_of_records_at_a_time(
    stack: Stack, engine: EngineStack
) -> None:
    await stack.call("PUT", f"{JOBS}/a", JOB)
    await engine.step(timedelta(seconds=20))
    await stack.database.run(copy_record)

    deleted = await stack.call("DELETE", CS)
    await stack.operations.run(WakeUp(deleted.request_id, 0))
    assert await count_jobs(stack) == 1

    await stack.operations.run(WakeUp(deleted.request_id, 1))
    assert await count_jobs(stack) == 0
    assert await stack.status(deleted) == "Succeeded"


def copy_record(transaction: Transaction) -> None:
    """Have the one record of history there AT_ONCE times."""
    columns = [column for column in history.c if column.name != "id"]
    row = transaction.connection.execute(select(*columns)).one()
    transaction.connection.execute(history.insert(), [row._asdict()] * (AT_ONCE - 1))


@pytest.mark.parametrize("target", [JC, CS])
async def test_jobs_that_are_deleted_with_their_container_do_not_run_any_more(
    stack: Stack, engine: EngineStack, target: str
) -> None:
    every_minute: dict[str, Json] = JOB | {"recurrence": {"frequency": "minute"}}
    await stack.call("PUT", f"{JOBS}/Nightly", every_minute)
    await stack.call("PUT", f"{JOBS}/off", JOB | {"state": "disabled"})
    await stack.call("POST", f"{JOBS}/off/run")
    await engine.ticker.tick()
    await engine.told()

    deleted = await stack.call("DELETE", target)
    await stack.work()
    told = await engine.told()
    await engine.step(timedelta(hours=1))

    assert await stack.status(deleted) == "Succeeded"
    assert engine.action.attempts == []
    path = "/cloudservices/cs1/jobcollections/jc1/jobs"
    assert [(event.type.removeprefix("tocsin."), event.subject) for event in told] == [
        ("execution.skipped", f"{path}/Nightly"),
        ("job.deleted", f"{path}/Nightly"),
        ("execution.skipped", f"{path}/off"),
        ("job.deleted", f"{path}/off"),
    ]
    assert told[1].data["id"] == "Nightly"


async def test_a_collection_whose_cloud_service_was_deleted_meanwhile_is_deleted(
    ready: Stack,
) -> None:
    collection = await ready.call("DELETE", JC)
    service = await ready.call("DELETE", CS)
    await ready.operations.run(WakeUp(service.request_id, 0))

    await ready.work()

    assert [await ready.status(one) for one in (collection, service)] == ["Succeeded"] * 2


async def test_a_collection_deleted_before_its_creation_went_on_failed(stack: Stack) -> None:
    await stack.call("PUT", CS, CLOUD_SERVICE)
    created = await stack.call("PUT", JC, job_collection())
    deleted = await stack.call("DELETE", JC)
    await stack.operations.run(WakeUp(deleted.request_id, 0))

    await stack.work()

    failed = await stack.call("GET", f"{ROOT}/operations/{created.request_id}")
    assert failed.status == 200
    assert "<Status>Failed</Status><HttpStatusCode>404</HttpStatusCode>" in failed.text()
    assert "<Error><Code>ResourceNotFound</Code>" in failed.text()


async def test_an_operation_is_finished_by_whoever_waits_for_it(stack: Stack) -> None:
    await stack.prepare()
    await fill(stack, JOBS_AT_ONCE + 1)
    deleted = await stack.call("DELETE", JC)

    ended = await stack.operations.finish(deleted.request_id)

    assert (ended.id, ended.status) == (deleted.request_id, "Succeeded")
    assert await count_jobs(stack) == 0
    await stack.work()  # its wake-ups find nothing to do
    assert await stack.status(deleted) == "Succeeded"


async def test_who_waits_for_an_operation_that_has_ended_learns_how(stack: Stack) -> None:
    await stack.call("PUT", CS, CLOUD_SERVICE)
    created = await stack.call("PUT", JC, job_collection())
    deleted = await stack.call("DELETE", JC)
    await stack.operations.run(WakeUp(deleted.request_id, 0))

    for _ in range(2):
        ended = await stack.operations.finish(created.request_id)

        assert (ended.status, ended.error_status) == ("Failed", 404)
        assert ended.error_code == "ResourceNotFound"


async def test_who_waits_looks_again_while_somebody_else_has_the_lease(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    wake_up, now = WakeUp(created.request_id, 0), stack.clock.now()
    lease = await stack.database.run(lambda tx: stack.store.work.start(tx, wake_up, now=now))
    assert isinstance(lease, Lease)

    waiting = asyncio.create_task(stack.operations.finish(created.request_id))
    await settle()
    assert not waiting.done()
    await stack.database.run(
        lambda tx: stack.store.work.record(tx, lease, due_at=now + 2 * LOOK_AGAIN, now=now)
    )
    await stack.clock.advance(LOOK_AGAIN)
    assert not waiting.done()
    await stack.clock.advance(LOOK_AGAIN)

    assert (await waiting).status == "Succeeded"


class Interrupted(InlineDatabase):
    """Before each transaction one of `interruptions` happens, as if the process had been stopped for a while."""

    def __init__(self, path: Path, interruptions: list[Callable[[], Awaitable[object]]]) -> None:
        super().__init__(path)
        self._interruptions = interruptions

    async def run(self, work: Work[Value]) -> Value:
        await self._interruptions.pop(0)()
        return await super().run(work)


async def nobody() -> None:
    """Interrupt nothing."""


async def test_who_lost_the_lease_meanwhile_writes_nothing_and_learns_how_it_ended(
    stack: Stack, tmp_path: Path
) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)

    async def somebody_else() -> None:
        stack.clock.set(stack.clock.now() + timedelta(seconds=91))
        await stack.operations.finish(created.request_id)

    database = Interrupted(tmp_path / "tocsin.db", [nobody, somebody_else])
    late = ServiceOperations(
        database,
        stack.store,
        job_changes=stack.job_changes,
        follow_up=stack.follow_up,
        clock=stack.clock,
    )

    waiting = asyncio.create_task(late.finish(created.request_id))
    await settle()
    await stack.clock.advance(LOOK_AGAIN)

    assert (await waiting).status == "Succeeded"
    await database.close()


async def test_who_waits_is_told_in_time_that_it_is_not_over(stack: Stack) -> None:
    created = await stack.call("PUT", CS, CLOUD_SERVICE)
    wake_up, now = WakeUp(created.request_id, 0), stack.clock.now()
    await stack.database.run(lambda tx: stack.store.work.start(tx, wake_up, now=now))

    waiting = asyncio.create_task(stack.operations.finish(created.request_id))
    await settle()
    await stack.clock.advance(PATIENCE)

    assert (await waiting).status == "InProgress"
    stack.clock.set(now + timedelta(seconds=91))
    assert (await stack.operations.finish(created.request_id)).status == "Succeeded"


async def exhaust(stack: Stack, operation_id: str) -> None:
    """Start the operation ten times without recording it, as processes do that die of it."""
    for attempt in range(MAX_UNRECORDED):
        wake_up = WakeUp(operation_id, attempt)
        now = stack.clock.now()
        await stack.database.run(lambda tx, w=wake_up, n=now: stack.store.work.start(tx, w, now=n))  # type: ignore[misc]
        stack.clock.set(now + timedelta(seconds=91))
    await stack.operations.run(WakeUp(operation_id, MAX_UNRECORDED))


async def test_a_deletion_that_kills_its_process_ten_times_fails_and_can_be_asked_again(
    stack: Stack,
) -> None:
    await stack.prepare()
    for url in (JC, CS):
        deleted = await stack.call("DELETE", url)
        await exhaust(stack, deleted.request_id)

        assert await stack.status(deleted) == "Failed"
        assert (await stack.call("PUT", f"{JOBS}/a", JOB)).status in (200, 201)
    assert "<Result>Failed</Result>" in (await stack.call("GET", JC_PASSED)).text()
