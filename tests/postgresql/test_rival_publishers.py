"""What the event log and deliveries promise when two processes publish and deliver over one database."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest

from shared.sql.database import Transaction
from shared.sql.postgresql import PostgresDatabase
from tests.clocks import FakeClock
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event, assemble

ROUNDS = 25


@pytest.fixture
async def worlds(postgres_url: str) -> AsyncIterator[list[World]]:
    databases = [PostgresDatabase(postgres_url) for _ in range(2)]
    clock, sink = FakeClock(), MemorySink()
    yield [assemble(database, clock, sink.open) for database in databases]
    for database in databases:
        await database.close()


async def test_p6_events_are_numbered_and_handed_out_once_whoever_publishes(
    worlds: list[World],
) -> None:
    await worlds[0].subscribe()
    for number in range(ROUNDS):
        await worlds[0].insert(an_event(f"e{number}"))
        await asyncio.gather(*(world.log.publish() for world in worlds))

    read = await worlds[0].log.read(since=0, limit=1000)

    assert [one.number for one in read] == list(range(1, ROUNDS + 1))
    assert await worlds[0].rows("SELECT count(*) FROM delivery") == [(ROUNDS,)]


async def test_p6_what_commits_after_later_events_were_published_is_read_after_them(
    worlds: list[World],
) -> None:
    first, second = worlds
    inserted, may_end = threading.Event(), threading.Event()

    def insert_slowly(transaction: Transaction) -> None:
        first.log.insert(transaction, an_event("slow"))
        inserted.set()
        assert may_end.wait(20)

    slow = asyncio.ensure_future(first.database.run(insert_slowly))
    assert await asyncio.to_thread(inserted.wait, 20)
    await second.publish(an_event("quick"))
    may_end.set()
    await slow
    await second.log.publish()

    read = await second.log.read(since=0, limit=10)
    assert [(one.number, one.event.id) for one in read] == [(1, "quick"), (2, "slow")]


async def test_p2_same_event_of_two_processes_is_there_once(worlds: list[World]) -> None:
    for number in range(ROUNDS):
        answers = await asyncio.gather(
            *(
                world.database.run(partial(world.log.insert, event=an_event(f"e{number}")))
                for world in worlds
            )
        )
        assert sorted(answers) == [False, True]


async def test_p6_publishing_at_the_end_of_a_stretch_leaves_nothing_asleep(
    worlds: list[World],
) -> None:
    first, second = worlds
    await first.subscribe()
    for number in range(ROUNDS):
        await first.publish(an_event(f"a{number}"))

        await asyncio.gather(first.deliver_due(), second.publish(an_event(f"b{number}")))

        # A wake-up that finds nothing is harmless; deliveries without one would wait for ever.
        while await first.deliver_due() + await second.deliver_due():
            pass
        assert await first.rows("SELECT count(*) FROM delivery WHERE status = 'pending'") == [(0,)]
