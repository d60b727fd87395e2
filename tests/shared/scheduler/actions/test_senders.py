"""Links are opened, kept, shared and closed; what goes over them is told by the tests of the action."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.amqp.codec.performatives import Error
from shared.scheduler.actions.not_sent import NotSent, NotSentError
from shared.scheduler.actions.senders import IDLE, Address, Senders, host_of
from shared.settings import Settings
from shared.wire.queue_action import HOST_NAME
from tests.clocks import FakeClock
from tests.contracts.action import Behaviour
from tests.shared.scheduler.actions.service_bus_target import (
    KEY,
    KEY_NAME,
    ServiceBusTarget,
)

LIMIT = timedelta(seconds=20)
ADDRESSES = [Address("n1", entity, KEY_NAME, KEY) for entity in ("q1", "unique", "t1")]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def senders(target: ServiceBusTarget, clock: FakeClock) -> AsyncIterator[Senders]:
    senders = Senders(target.endpoint, clock=clock)
    yield senders
    await senders.close()


async def send(senders: Senders, name: str, address: Address = ADDRESSES[0]) -> None:
    await senders.send(address, ServiceBusMessage(b"", message_id=name), time_limit=LIMIT)


async def gone(target: ServiceBusTarget, connection: int) -> bool:
    async with asyncio.timeout(10):
        return await target.connections[connection].gone.wait()


async def test_a_link_is_kept_as_long_as_it_is_used_and_closed_when_it_is_idle(
    target: ServiceBusTarget, senders: Senders, clock: FakeClock
) -> None:
    await send(senders, "m1")
    await clock.advance(IDLE / 2)
    await send(senders, "m2")
    await clock.advance(IDLE / 2)
    assert not target.connections[0].gone.is_set()

    await clock.advance(IDLE)

    assert await gone(target, 0)
    await send(senders, "m3")
    assert (target.ids, len(target.connections)) == (["m1", "m2", "m3"], 2)


async def test_idle_links_are_watched_for_again_after_all_were_closed(
    target: ServiceBusTarget, senders: Senders, clock: FakeClock
) -> None:
    for connection in range(2):
        await send(senders, f"m{connection}")
        await clock.advance(IDLE)
        assert await gone(target, connection)


async def test_the_links_that_were_used_longest_ago_are_closed_when_there_are_too_many(
    target: ServiceBusTarget, clock: FakeClock
) -> None:
    senders = Senders(target.endpoint, clock=clock, kept=2)
    for address in ADDRESSES[:2]:
        await send(senders, "m1", address)
    await send(senders, "m2", ADDRESSES[0])
    await send(senders, "m3", ADDRESSES[2])

    assert await gone(target, 1)
    await send(senders, "m4", ADDRESSES[0])
    assert not target.connections[0].gone.is_set()
    assert len(target.connections) == 3
    await senders.close()


async def test_a_kept_link_that_has_broken_is_replaced(
    target: ServiceBusTarget, senders: Senders
) -> None:
    await send(senders, "m1")
    target.connections[0].peer.close(Error("amqp:connection:forced", "restarting"))
    assert await gone(target, 0)

    await send(senders, "m2")

    assert (target.ids, len(target.connections)) == (["m1", "m2"], 2)


async def test_a_new_link_that_breaks_is_a_failure_and_not_tried_again(
    target: ServiceBusTarget, senders: Senders
) -> None:
    target.behaviour = Behaviour.HANG_UP
    with pytest.raises(NotSentError) as caught:
        await send(senders, "m1")

    assert caught.value.kind is NotSent.UNREACHABLE
    assert len(target.connections) == 1


async def test_those_who_wait_for_a_link_that_fails_get_another(
    target: ServiceBusTarget, senders: Senders
) -> None:
    target.behaviour = Behaviour.REFUSE
    first = asyncio.create_task(send(senders, "m1"))
    second = asyncio.create_task(send(senders, "m2"))
    with pytest.raises(NotSentError):
        await first
    target.behaviour = Behaviour.TAKE

    await second

    assert target.ids == ["m2"]


async def test_who_is_cancelled_leaves_no_half_used_link(
    target: ServiceBusTarget, senders: Senders
) -> None:
    await send(senders, "m1")
    target.behaviour = Behaviour.STAY_SILENT
    cancelled = asyncio.create_task(send(senders, "m2"))
    while target.ids != ["m1", "m2"]:
        await asyncio.wait((cancelled,), timeout=0.02)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    target.behaviour = Behaviour.TAKE

    await send(senders, "m3")

    assert (target.ids, len(target.connections)) == (["m1", "m2", "m3"], 2)


@given(namespace=st.from_regex(HOST_NAME, fullmatch=True))
def test_p9_no_name_of_a_namespace_leads_out_of_the_domain(namespace: str) -> None:
    host = host_of(namespace, Settings().service_bus_endpoint)

    assert host == f"{namespace}.servicebus.windows.net"
    assert not set(host) & set("/:@?#%[] ")


async def test_p9_where_the_endpoint_says_so_the_first_word_is_tls(clock: FakeClock) -> None:
    first: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first.put_nowait(await reader.read(1))
        writer.close()

    # The SDK takes no other port than this one, so the address is one that nobody else listens at.
    server = await asyncio.start_server(read, "127.83.66.1", 5671)
    senders = Senders("amqps://127.83.66.1", clock=clock)
    with pytest.raises(NotSentError):
        await send(senders, "m1")
    await senders.close()
    server.close()

    assert await first.get() == b"\x16"


async def test_p8_an_address_does_not_show_its_key_and_a_link_is_not_known_by_it() -> None:
    assert KEY not in repr(ADDRESSES[0])
    assert KEY not in repr(ADDRESSES[0].link)
    assert ADDRESSES[0].link == Address("N1", "Q1", KEY_NAME, KEY).link
    assert ADDRESSES[0].link != Address("n1", "q1", KEY_NAME, "other").link
