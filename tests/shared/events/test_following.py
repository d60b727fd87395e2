import asyncio
from datetime import timedelta

import pytest

from shared.events.following import Following
from shared.events.log import Page
from shared.events.queries import read_log_query
from tests.clocks import settle
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.world import World, an_event, assemble


async def follow(world: World, **query: str) -> Page:
    return await Following(world.log, world.clock).read(read_log_query(query))


def names(page: Page) -> list[str]:
    return [one.event.id for one in page.events]


async def test_what_is_there_is_returned_at_once(world: World) -> None:
    await world.publish(an_event("e1"), an_event("e2"))

    page = await follow(world, since="1", wait="20")

    assert (names(page), page.next) == (["e2"], 2)


async def test_without_a_wait_nothing_is_an_answer(world: World) -> None:
    page = await follow(world, since="7")

    assert (names(page), page.next) == ([], 7)


async def test_what_this_process_publishes_ends_the_wait_at_once(world: World) -> None:
    waiting = asyncio.create_task(follow(world, wait="20"))
    await settle()

    await world.publish(an_event("e1"))

    assert names(await waiting) == ["e1"]


async def test_what_another_process_publishes_is_found_within_two_seconds(world: World) -> None:
    waiting = asyncio.create_task(follow(world, wait="20"))
    await settle()
    await world.clock.advance(timedelta(seconds=9))
    other = assemble(world.database, world.clock, MemorySink().open)

    await other.publish(an_event("e1"))
    await settle()
    assert not waiting.done()
    await world.clock.advance(timedelta(seconds=2))

    assert names(await waiting) == ["e1"]


async def test_a_wait_ends_when_its_time_is_up(world: World) -> None:
    waiting = asyncio.create_task(follow(world, wait="20"))
    await settle()

    await world.clock.advance(timedelta(seconds=19))
    assert not waiting.done()
    await world.clock.advance(timedelta(seconds=1))

    assert names(await waiting) == []


@pytest.mark.parametrize(
    ("of_type", "expected"),
    [
        ("*", ["a", "b", "c"]),
        ("tocsin.job.*", ["a", "b"]),
        ("tocsin.job.created", ["a"]),
        ("tocsin.history.*", []),
        ("tocsin.*", ["a", "b", "c"]),
    ],
)
async def test_one_can_follow_some_types(world: World, of_type: str, expected: list[str]) -> None:
    await world.publish(
        an_event("a", event_type="tocsin.job.created"),
        an_event("b", event_type="tocsin.job.deleted"),
        an_event("c"),
    )

    page = await follow(world, type=of_type)

    assert (names(page), page.next) == (expected, 3)


async def test_a_wait_for_a_type_passes_over_others(world: World) -> None:
    waiting = asyncio.create_task(follow(world, wait="20", type="tocsin.job.*"))
    await settle()

    await world.publish(an_event("other"))
    await settle()
    assert not waiting.done()
    await world.publish(an_event("job", event_type="tocsin.job.created"))

    assert names(await waiting) == ["job"]
