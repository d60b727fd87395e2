import asyncio
from datetime import timedelta
from itertools import pairwise

import uvloop

from shared.events.turns import IN_A_ROUND, REMEMBERED, SLOW, Line, Turns
from tests.clocks import START, settle

HOUR = timedelta(hours=1)
JUST_LESS = SLOW - timedelta(microseconds=1)


async def test_a_turn_is_free_while_nobody_waits() -> None:
    turns = Turns()
    taken = asyncio.create_task(turns.take(Line.FIRST))

    await settle(1)

    assert taken.done()


async def test_each_round_of_the_loop_has_a_few_turns_in_the_order_of_arrival() -> None:
    turns, order = Turns(), list[str]()
    names = [f"call {count}" for count in range(5 * IN_A_ROUND)]
    tasks = [asyncio.create_task(taking(turns, order, name)) for name in names]
    counts = [0]

    while counts[-1] < len(names):
        await settle(1)
        counts.append(len(order))

    assert order == names
    assert max(after - before for before, after in pairwise(counts)) == IN_A_ROUND
    await asyncio.gather(*tasks)


async def test_whoever_is_cancelled_takes_no_turn() -> None:
    turns, order = Turns(), list[str]()
    first = [asyncio.create_task(turns.take(Line.FIRST)) for _ in range(IN_A_ROUND)]
    tasks = [asyncio.create_task(taking(turns, order, name)) for name in "abc"]
    await settle(1)

    tasks[1].cancel()
    await settle()

    assert order == ["a", "c"]
    await asyncio.gather(*first)


async def test_p6_calls_to_slow_sinks_make_room_for_whoever_is_at_work() -> None:
    turns, order = Turns(pause=HOUR), list[str]()
    with turns.at_work():
        slow = [
            asyncio.create_task(taking(turns, order, f"slow{count}", Line.SLOW))
            for count in range(10)
        ]
        await settle()
        quick = [asyncio.create_task(taking(turns, order, f"quick{count}")) for count in range(40)]
        await asyncio.gather(*quick)
        before = [name for name in order if name.startswith("slow")]

    assert before == ["slow0"]
    await asyncio.gather(*slow)


def test_p6_they_make_room_on_the_loop_of_the_local_host_too() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        making_room = test_p6_calls_to_slow_sinks_make_room_for_whoever_is_at_work()
        runner.run(asyncio.wait_for(making_room, 10))


async def test_p6_dead_sinks_keep_no_slow_one_waiting() -> None:
    turns, order = Turns(pause=HOUR), list[str]()
    with turns.at_work():
        dead = [
            asyncio.create_task(taking(turns, order, f"dead{count}", Line.FAILING))
            for count in range(10)
        ]
        await settle()

        await taking(turns, order, "slow", Line.SLOW)

        assert order == ["dead0", "slow"]
    await asyncio.gather(*dead)


async def test_calls_to_slow_sinks_are_not_forgotten_however_much_there_is_to_do() -> None:
    turns, order = Turns(), list[str]()

    async def hurry() -> None:
        while len(order) < 2:
            await turns.take(Line.FIRST)

    with turns.at_work():
        busy = [asyncio.create_task(hurry()) for _ in range(10)]
        async with asyncio.timeout(10):
            await taking(turns, order, "slow", Line.SLOW)
            await taking(turns, order, "slow", Line.SLOW)

    await asyncio.gather(*busy)


async def test_with_nobody_at_work_slow_sinks_are_called_at_once() -> None:
    turns, order = Turns(pause=HOUR), list[str]()
    with turns.at_work():
        tasks = [asyncio.create_task(taking(turns, order, name, Line.SLOW)) for name in "abc"]
        await settle()
        assert order == ["a"]

    await settle()

    assert order == list("abc")
    await asyncio.gather(*tasks)


def test_a_sink_is_slow_until_it_answers_faster_or_was_not_called_for_long() -> None:
    turns = Turns()

    turns.note("a", JUST_LESS, now=START)
    assert not turns.is_slow("a", now=START)
    turns.note("a", SLOW, now=START)
    turns.note("b", SLOW, now=START)
    assert turns.is_slow("a", now=START)
    turns.note("a", JUST_LESS, now=START)

    assert not turns.is_slow("a", now=START)
    assert turns.is_slow("b", now=START + REMEMBERED - SLOW)
    assert not turns.is_slow("b", now=START + REMEMBERED)


async def taking(turns: Turns, order: list[str], name: str, line: Line = Line.FIRST) -> None:
    await turns.take(line)
    order.append(name)
