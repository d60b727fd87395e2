"""What the service and its engine promise when two processes run them over one database."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from shared.messaging.entities import EXECUTIONS
from shared.messaging.wake_up import WakeUp
from shared.sql.postgresql import PostgresDatabase
from shared.wire.json_types import JsonObject
from tests.broker_apart import broker_apart
from tests.clocks import START, FakeClock, settle
from tests.shared.scheduler.engine_stack import EngineStack, build_stack
from tests.shared.scheduler.scheduler_stack import JOB, JOBS, Stack, open_stack

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
QUOTA_OF_ONE = "<Quota><MaxJobCount>1</MaxJobCount></Quota>"


@pytest.fixture
async def engines(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[EngineStack]]:
    clock = FakeClock()
    databases = [PostgresDatabase(postgres_url) for _ in range(2)]
    numbers = count(1)
    async with broker_apart(tmp_path, clock) as broker:
        stacks = [
            build_stack(database, clock, broker=broker, new_id=lambda: f"x{next(numbers)}")
            for database in databases
        ]
        await stacks[0].prepare()
        stacks[1].collection_id = stacks[0].collection_id
        yield stacks
    for database in databases:
        await database.close()


async def test_p5_every_occurrence_is_claimed_and_run_once(engines: list[EngineStack]) -> None:
    names = [f"job{number}" for number in range(40)]
    for name in names:
        await engines[0].put(name, startTime=(START + MINUTE).isoformat())
    await engines[0].clock.advance(MINUTE)

    await asyncio.gather(*(engine.ticker.tick() for engine in engines for _ in range(2)))
    await asyncio.gather(*(engine.work() for engine in engines for _ in range(2)))

    attempts = Counter(attempt.job for engine in engines for attempt in engine.action.attempts)
    assert attempts == Counter(names)
    assert {(await engines[0].job(name)).status.execution_count for name in names} == {1}


async def test_p5_counters_hold_what_two_processes_run_of_one_job(
    engines: list[EngineStack],
) -> None:
    first = engines[0]
    await first.put("job", startTime=(START + 100 * MINUTE).isoformat())
    for _ in range(20):
        await first.run_now("job")
        await first.clock.advance(SECOND)

    await asyncio.gather(*(engine.work() for engine in engines for _ in range(2)))

    assert (await first.job("job")).status.execution_count == 20
    history = await first.history("job")
    assert sorted(record.repeat_count for record in history) == list(range(1, 21))


async def test_p5_two_occurrences_of_one_job_never_run_at_once(engines: list[EngineStack]) -> None:
    clock = engines[0].clock
    receiver = engines[0].broker.receiver(EXECUTIONS)
    for number in range(10):
        every_minute: JsonObject = {"frequency": "minute", "interval": 1}
        begins = (clock.now() + MINUTE).isoformat()
        await engines[0].put(f"job{number}", startTime=begins, recurrence=every_minute)
        for _ in range(2):
            await clock.advance(MINUTE)
            await engines[0].ticker.tick()
        await settle()
        messages = await receiver.receive(max_messages=10, max_wait=timedelta())
        both = [WakeUp.decode(message.message.body) for message in messages]
        assert len(both) == 2
        for message in messages:
            await receiver.complete(message)
        goes_on = asyncio.Event()
        for engine in engines:
            engine.action.attempts.clear()
            engine.action.meanwhile = [goes_on.wait]

        running = [
            asyncio.ensure_future(engine.executions.run(wake_up))
            for engine, wake_up in zip(engines, both, strict=True)
        ]
        async with asyncio.timeout(20):
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        goes_on.set()
        await asyncio.gather(*running)

        assert sum(len(engine.action.attempts) for engine in engines) == 1
        await engines[0].delete(f"job{number}")


@pytest.fixture
async def services(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[Stack]]:
    clock = FakeClock()
    async with broker_apart(tmp_path, clock) as broker, AsyncExitStack() as opened:
        stacks = []
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            stack = open_stack(
                folder,
                clock,
                ids=number * 1000 + 1,
                database=PostgresDatabase(postgres_url),
                broker=broker,
            )
            stacks.append(await opened.enter_async_context(stack))
        yield stacks


async def test_p3_quota_holds_for_jobs_that_are_made_at_one_instant(services: list[Stack]) -> None:
    await services[0].prepare(quota=QUOTA_OF_ONE)
    for number in range(10):
        replies = await asyncio.gather(
            *(
                service.call("PUT", f"{JOBS}/{place}-{number}", JOB)
                for place, service in enumerate(services)
            )
        )
        made = [place for place, reply in enumerate(replies) if reply.status == 201]
        assert [reply.status for reply in replies if reply.status != 201] == [409]
        await services[0].call("DELETE", f"{JOBS}/{made[0]}-{number}")


async def test_one_name_is_one_job_however_many_make_it(services: list[Stack]) -> None:
    await services[0].prepare()
    for number in range(10):
        replies = await asyncio.gather(
            *(service.call("PUT", f"{JOBS}/job{number}", JOB) for service in services)
        )
        assert sorted(reply.status for reply in replies) == [200, 201]


async def test_repeatable_request_has_one_effect_whoever_gets_it(services: list[Stack]) -> None:
    await services[0].prepare()
    for number in range(10):
        headers = services[0].repeatable(f"{number:032x}")
        replies = await asyncio.gather(
            *(
                service.call("PUT", f"{JOBS}/job{number}", JOB, headers=headers)
                for service in services
            )
        )
        assert [reply.status for reply in replies] == [201, 201]
