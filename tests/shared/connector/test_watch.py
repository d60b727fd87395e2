"""Waiting for ends, in this process and in others, and what operations brought."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.client.memory import MemorySchedulerClient
from shared.connector.operations import Operation, OperationStatus
from shared.connector.watch import Watch
from shared.errors import NotFoundError
from shared.messaging.wake_up import WakeUp
from tests.clocks import settle
from tests.shared.connector.servers import ScriptedServer, answer, scripted
from tests.shared.connector.world import JC, World, message, opened, put_job

SECOND = timedelta(seconds=1)
LIST = message("ListJobs", f"{JC}/jobs")


@pytest.fixture
def server() -> ScriptedServer:
    return scripted(answer(201, b'{"id": "a"}'))[0]


@pytest.fixture
async def world(tmp_path: Path, server: ScriptedServer) -> AsyncIterator[World]:
    async with opened(tmp_path, MemorySchedulerClient(server)) as world:
        yield world


def statuses(found: list[Operation]) -> list[str]:
    return [one.status.value for one in found]


async def test_waiting_ends_with_the_last_operation_and_not_before(world: World) -> None:
    first, second = await world.accept(put_job("a"), put_job("b"))
    waiting = asyncio.create_task(world.connector.wait([second.id, first.id], within=20 * SECOND))
    await settle()

    await world.connector.execute(WakeUp(first.id, 0))
    await settle()
    assert not waiting.done()
    await world.connector.execute(WakeUp(second.id, 0))

    assert [one.id for one in await waiting] == [second.id, first.id]
    assert statuses(await waiting) == ["Succeeded", "Succeeded"]


async def test_waiting_ends_when_time_is_up_with_what_is_known(world: World) -> None:
    first, second = await world.accept(put_job("a"), put_job("b"))
    await world.connector.execute(WakeUp(first.id, 0))
    waiting = asyncio.create_task(world.connector.wait([first.id, second.id], within=20 * SECOND))
    await settle()

    await world.clock.advance(timedelta(seconds=19.9))
    assert not waiting.done()
    await world.clock.advance(timedelta(seconds=0.1))

    assert waiting.done()
    assert statuses(await waiting) == ["Succeeded", "NotStarted"]


async def test_what_has_ended_is_not_waited_for(world: World) -> None:
    (operation,) = await world.accept(put_job("a"))
    await world.work()

    assert statuses(await world.connector.wait([operation.id], within=SECOND)) == ["Succeeded"]


async def test_cancel_wakes_who_waits(world: World) -> None:
    (operation,) = await world.accept(put_job("a"))
    waiting = asyncio.create_task(world.connector.wait([operation.id], within=SECOND))
    await settle()

    await world.connector.cancel(operation.id)

    assert statuses(await waiting) == ["Canceled"]


async def test_end_in_another_process_is_found_by_rarer_and_rarer_looks(world: World) -> None:
    (operation,) = await world.accept(put_job("a"))
    reads: list[str] = []

    class Counting:
        """The store, as another process's watch reads it."""

        async def get(self, operation_id: str) -> Operation | None:
            reads.append(operation_id)
            return await world.store.get(operation_id)

        page, large_result = world.store.page, world.store.large_result

    elsewhere = Watch(Counting(), world.clock)
    waiting = asyncio.create_task(elsewhere.wait([operation.id], within=20 * SECOND))
    await settle()
    await world.clock.advance(10 * SECOND)
    assert 8 <= len(reads) <= 16

    await world.work()
    await world.clock.advance(2 * SECOND)

    assert waiting.done()
    assert statuses(await waiting) == ["Succeeded"]


async def test_many_that_end_are_read_once_each_and_no_more(world: World) -> None:
    operations = await world.accept(*(put_job(f"j{number}") for number in range(50)))
    reads = 0

    class Counting:
        async def get(self, operation_id: str) -> Operation | None:
            nonlocal reads
            reads += 1
            return await world.store.get(operation_id)

        page, large_result = world.store.page, world.store.large_result

    watch = Watch(Counting(), world.clock)
    waiting = asyncio.create_task(watch.wait([one.id for one in operations], within=SECOND))
    await settle()
    for operation in operations:
        await world.connector.cancel(operation.id)
        watch.tell_end(operation.id)
        await settle()

    assert statuses(await waiting) == ["Canceled"] * 50
    assert reads == 100


async def test_nobody_is_remembered_who_does_not_wait_any_more(world: World) -> None:
    (operation,) = await world.accept(put_job("a"))
    watch = Watch(world.store, world.clock)
    waiting = [
        asyncio.create_task(watch.wait([operation.id, operation.id], within=number * SECOND))
        for number in (1, 2, 3)
    ]
    await settle()
    waiting[2].cancel()
    await world.clock.advance(2 * SECOND)

    assert [one.done() for one in waiting] == [True, True, True]
    assert watch._followers == {}


async def test_waiting_for_nobody_raises(world: World) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        await world.connector.wait(["nobody"], within=SECOND)


async def test_result_is_given_however_large_it_is(world: World, server: ScriptedServer) -> None:
    large = [{"id": f"job{number}", "state": "enabled"} for number in range(4000)]
    server.answers.clear()
    server.answers += [answer(200, b'[{"id": "a"}]'), answer(200, json.dumps(large).encode())]
    small_one, large_one = await world.accept(LIST, LIST)
    await world.run()

    assert await world.connector.result(small_one.id) == [{"id": "a"}]
    assert await world.connector.result(large_one.id) == large
    document = (await world.operation(large_one)).to_json()
    assert document["resultLocation"] == f"/api/operations/{large_one.id}/result"
    assert "result" not in document


async def test_event_of_a_large_result_says_where_it_is(
    world: World, server: ScriptedServer
) -> None:
    server.answers[0] = answer(200, json.dumps(["x" * 70_000]).encode())
    (operation,) = await world.accept(LIST)
    await world.run()

    (event,) = await world.events()

    assert event["dataref"] == f"/api/operations/{operation.id}/result"
    assert event["data"] == (await world.operation(operation)).to_json()
    assert len(json.dumps(event)) < 2000


async def test_why_there_is_no_result_is_said(world: World, server: ScriptedServer) -> None:
    server.answers.clear()
    server.answers += [answer(200), answer(404), answer(200, json.dumps(["x" * 70_000]).encode())]
    none, failed, large, waits, canceled = await world.accept(
        message("DeleteJob", f"{JC}/jobs/a"), LIST, LIST, put_job("b"), put_job("c")
    )
    for operation in (none, failed, large):
        await world.connector.execute(WakeUp(operation.id, 0))
    await world.connector.cancel(canceled.id)
    world.clock.set(world.clock.now() + timedelta(hours=24))
    await world.connector.prune()

    async def reason(operation: Operation) -> str:
        with pytest.raises(NotFoundError) as raised:
            await world.connector.result(operation.id)
        return raised.value.message.removeprefix(f"operation {operation.id!r} ")

    assert (await world.operation(large)).status is OperationStatus.SUCCEEDED
    assert [await reason(one) for one in (none, failed, large, waits, canceled)] == [
        "succeeded without a result",
        "is Failed: it has no result",
        "had a result that was kept until 2026-01-02T12:00:00+00:00",
        "is NotStarted: it has no result yet",
        "is Canceled: it has no result",
    ]
