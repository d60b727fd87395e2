import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from shared.outbound.lookups import THREADS, Found, Lookups, look_up
from tests.clocks import settle
from tests.shared.outbound.dead_names import DeadNames

SHORT = timedelta(milliseconds=100)
HOME = ((socket.AF_INET, "127.0.0.1"),)


@pytest.fixture
def names() -> Iterator[DeadNames]:
    names = DeadNames()
    yield names
    names.revive()


async def fault(lookups: Lookups, host: str) -> str | None:
    with pytest.raises(socket.gaierror) as caught:
        await lookups.addresses(host)
    return caught.value.strerror


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await settle(1)


def test_addresses_come_as_numbers() -> None:
    assert look_up("127.0.0.1") == HOME


@pytest.mark.parametrize("host", ["does-not-exist.invalid", "a" * 64, "a" * 300, "a\0b", ""])
async def test_p10_a_name_that_leads_nowhere_has_a_fault(host: str) -> None:
    assert await fault(Lookups(), host)


async def test_names_resolve_while_thirty_dead_ones_hang(names: DeadNames) -> None:
    lookups = Lookups(names.look_up)
    hanging = [asyncio.create_task(fault(lookups, f"dead{number}")) for number in range(30)]
    await until(lambda: len(names.asked) == 30)

    async with asyncio.timeout(1):
        found = await asyncio.gather(
            *[lookups.addresses(f"127.0.0.{number}") for number in range(1, 100)]
        )

    assert [addresses[0][1] for addresses in found] == [f"127.0.0.{n}" for n in range(1, 100)]
    names.revive()
    assert set(await asyncio.gather(*hanging)) == {"nobody answers"}


async def test_all_who_ask_for_a_name_share_one_lookup(names: DeadNames) -> None:
    lookups = Lookups(names.look_up)
    asking = [asyncio.create_task(lookups.addresses("deadly-slow")) for _ in range(5)]
    await until(lambda: names.asked)
    asking.pop(0).cancel()
    await settle()
    names.revive()

    assert await asyncio.gather(*asking) == [HOME] * 4
    assert names.asked == ["deadly-slow"]


async def test_what_was_found_is_looked_up_anew_the_next_time(names: DeadNames) -> None:
    lookups = Lookups(names.look_up)
    for _ in range(2):
        assert await lookups.addresses("127.0.0.1") == HOME

    assert names.asked == ["127.0.0.1"] * 2


async def test_a_name_that_hangs_gets_no_second_thread_while_the_first_hangs(
    names: DeadNames,
) -> None:
    lookups = Lookups(names.look_up, threads=2, time_limit=SHORT, dead_for=timedelta(0))
    for _ in range(3):
        assert await fault(lookups, "dead") == "no answer within 0.1 s"

    assert await lookups.addresses("127.0.0.1") == HOME
    assert names.asked == ["dead", "127.0.0.1"]


async def test_a_name_that_hung_lately_is_dead_for_a_while_and_then_asked_again(
    names: DeadNames,
) -> None:
    lookups = Lookups(names.look_up, threads=1, time_limit=SHORT, dead_for=SHORT)
    assert await fault(lookups, "dead") == "no answer within 0.1 s"
    names.revive()
    assert await lookups.addresses("127.0.0.1") == HOME  # the thread has come back

    assert await fault(lookups, "dead") == "no answer within 0.1 s"
    async with asyncio.timeout(5):
        while await fault(lookups, "dead") != "nobody answers":
            await settle(1)


async def test_a_name_whose_answer_came_too_late_is_alive(names: DeadNames) -> None:
    lookups = Lookups(names.look_up, threads=1, time_limit=SHORT)
    assert await fault(lookups, "deadly-slow") == "no answer within 0.1 s"
    names.revive()
    assert await lookups.addresses("127.0.0.1") == HOME

    assert await lookups.addresses("deadly-slow") == HOME


async def test_who_waits_for_a_thread_waits_no_longer_than_the_time_limit_and_is_not_dead(
    names: DeadNames,
) -> None:
    lookups = Lookups(names.look_up, threads=1, time_limit=SHORT)
    faults = await asyncio.gather(fault(lookups, "dead"), fault(lookups, "127.0.0.1"))
    assert set(faults) == {"no answer within 0.1 s"}
    names.revive()

    async with asyncio.timeout(5):
        assert await lookups.addresses("127.0.0.1") == HOME
    assert names.asked == ["dead", "127.0.0.1"]


async def test_no_more_threads_are_at_work_than_there_may_be(names: DeadNames) -> None:
    lookups = Lookups(names.look_up, time_limit=SHORT)
    await asyncio.gather(*[fault(lookups, f"dead{number}") for number in range(THREADS + 20)])

    assert len(names.asked) == THREADS


async def test_a_name_is_the_same_in_any_case(names: DeadNames) -> None:
    lookups = Lookups(names.look_up, time_limit=SHORT)
    await asyncio.gather(fault(lookups, "dead.example"), fault(lookups, "DEAD.example"))

    assert names.asked == ["dead.example"]


async def test_p10_where_no_thread_can_be_had_the_name_is_asked_again_later(
    names: DeadNames,
) -> None:
    lookups = Lookups(names.look_up, threads=1)
    usual = threading.stack_size(2**46)
    try:
        assert await fault(lookups, "127.0.0.1") == "there is no thread for it"
    finally:
        threading.stack_size(usual)

    assert await lookups.addresses("127.0.0.1") == HOME


async def test_p10_a_lookup_that_breaks_gives_its_thread_back() -> None:
    def broken(host: str) -> Found:
        raise KeyError(host)

    lookups = Lookups(broken, threads=1)
    for _ in range(2):
        assert await fault(lookups, "a.example") == "the lookup broke off"
