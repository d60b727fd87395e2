import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from random import Random
from typing import Any

import azure.functions as func
import pytest

from shared.errors import TransientError
from shared.host.host_json import HostSettings
from shared.host.strict import StrictBroker
from shared.messaging.broker import SessionReceiver
from shared.messaging.embedded.broker import EmbeddedBroker
from tests.clocks import FakeClock, settle
from tests.shared.host.hosting import indexed, make_host, running
from tests.shared.host.sessions import (
    BRIEF,
    IDLE,
    TURNS,
    Function,
    Handler,
    Plug,
    send_turns,
    turns_app,
)

ONE_AT_A_TIME = HostSettings(max_concurrent_sessions=1, session_idle_timeout=IDLE)
TWO_AT_A_TIME = HostSettings(max_concurrent_sessions=2, session_idle_timeout=IDLE)
FAILING = 1 / 5
GRACE = timedelta(seconds=5)


async def test_p3_messages_of_a_session_run_one_by_one_and_a_slow_session_delays_no_other(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    function = Function()
    function.hold("a1")

    async with running(turns_app(function), broker=broker, clock=clock, settings=BRIEF):
        await send_turns(broker, "a1", "b1", "a2", "c1", "b2", "a3")
        await settle()
        meanwhile = list(function.began)
        await function.let_go("a1")

    assert sorted(meanwhile) == ["a1", "b1", "b2", "c1"]
    assert meanwhile.index("b1") < meanwhile.index("b2")
    assert [name for name in function.ended if name[0] == "a"] == ["a1", "a2", "a3"]


async def test_no_more_sessions_are_held_than_may_be(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    function = Function()
    function.hold("a1", "b1", "c1")
    settings = HostSettings(max_concurrent_sessions=2, session_idle_timeout=IDLE)

    async with running(turns_app(function), broker=broker, clock=clock, settings=settings):
        await send_turns(broker, "a1", "b1", "c1")
        await settle()
        held = list(function.began)
        await function.let_go("a1")
        await clock.advance(IDLE)
        next_one = function.began[2:]
        await function.let_go("b1")
        await function.let_go("c1")

    assert (sorted(held), next_one) == (["a1", "b1"], ["c1"])


async def test_an_idle_session_is_kept_for_its_timeout_and_then_released(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    function = Function()
    app = turns_app(function)

    async with running(app, broker=broker, clock=clock, settings=ONE_AT_A_TIME):
        await send_turns(broker, "a1", "b1")
        await settle()
        await clock.advance(IDLE / 2)
        await send_turns(broker, "a2")
        await settle()
        await clock.advance(IDLE - timedelta(milliseconds=1))
        kept = list(function.ended)
        await clock.advance(timedelta(milliseconds=1))
        released = list(function.ended)

    assert kept == ["a1", "a2"]
    assert released == ["a1", "a2", "b1"]


async def test_p3_a_message_that_fails_is_not_overtaken_by_the_next_of_its_session(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    ended: list[tuple[str, int]] = []

    async def fails_thrice(message: func.ServiceBusMessage) -> None:
        name, count = message.get_body().decode(), message.delivery_count or 0
        if name == "a1" and count <= 3:
            await clock.sleep(timedelta(seconds=5))
            raise RuntimeError("the database is down")
        ended.append((name, count))

    async with running(turns_app(fails_thrice), broker=broker, clock=clock, settings=BRIEF):
        await send_turns(broker, "a1", "a2", "b1")
        await settle()
        meanwhile = list(ended)
        await clock.advance(timedelta(seconds=15))

    assert meanwhile == [("b1", 1)]
    assert ended == [("b1", 1), ("a1", 4), ("a2", 1)]


async def test_stop_waits_for_running_functions_and_releases_sessions_at_once(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    function = Function()
    function.hold("a1")
    host = make_host(indexed(turns_app(function)), broker=broker, clock=clock)
    await host.start()
    await send_turns(broker, "a1", "b1", "a2")
    await settle()

    stopping = asyncio.ensure_future(host.stop(grace=GRACE))
    await settle()
    await send_turns(broker, "c1")
    await function.let_go("a1")
    await stopping

    assert sorted(function.ended) == ["a1", "b1"]
    for name in "abc":
        session = await broker.accept_session(TURNS, session_id=name, max_wait=IDLE)
        await session.close()


async def test_p7_function_that_outlasts_the_grace_is_cancelled_and_its_message_kept(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    function = Function()
    function.hold("a1")
    host = make_host(indexed(turns_app(function)), broker=broker, clock=clock)
    await host.start()
    await send_turns(broker, "a1")
    await settle()

    stopping = asyncio.ensure_future(host.stop(grace=GRACE))
    await settle()
    await clock.advance(GRACE)
    await stopping

    session = await broker.accept_session(TURNS, max_wait=IDLE)
    (message,) = await session.receive(max_messages=1, max_wait=IDLE)
    assert (message.message.body, function.ended) == (b"a1", [])


async def test_an_outage_is_told_twice_and_what_waited_is_handled_after_it(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    function, plug = Function(), Plug()
    strict = StrictBroker(broker, random=plug)
    await send_turns(broker, "a1")

    async with running(turns_app(function), broker=strict, clock=clock):
        await clock.advance(timedelta(minutes=2))
        plug.is_pulled = False
        await clock.advance(timedelta(seconds=40))

    records = (each for each in caplog.records if each.name == "shared.host.outage")
    assert [record.getMessage() for record in records] == [
        "cannot receive from turns: the link was detached",
        "can receive from turns again",
    ]
    assert function.ended == ["a1"]


async def test_an_outage_that_ends_while_nothing_waits_is_told_too(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    plug = Plug()
    strict = StrictBroker(broker, random=plug)

    async with running(turns_app(Function()), broker=strict, clock=clock):
        await settle()
        plug.is_pulled = False
        await clock.advance(timedelta(seconds=3))

    assert caplog.messages[-1] == "can receive from turns again"


class ReceivesNothing:
    """A session that can be accepted and closed, and not received from."""

    def __init__(self, session: SessionReceiver) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def receive(self, *, max_messages: int, max_wait: timedelta | None) -> Any:
        raise TransientError("the disk is full")


class FullDisk(StrictBroker):
    """A broker whose sessions are such, until it is freed."""

    is_full = True
    accepted = 0

    async def accept_session(
        self, entity: str, *, session_id: str | None = None, max_wait: timedelta
    ) -> Any:
        session = await super().accept_session(entity, session_id=session_id, max_wait=max_wait)
        self.accepted += 1
        return ReceivesNothing(session) if self.is_full else session


async def test_a_session_that_cannot_be_received_from_is_an_outage_with_rarer_tries(
    broker: EmbeddedBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    function, plug = Function(), Plug()
    plug.is_pulled = False
    disk = FullDisk(broker, random=plug)
    await send_turns(broker, "a1")

    async with running(turns_app(function), broker=disk, clock=clock, settings=BRIEF):
        await clock.advance(timedelta(minutes=2))
        tries = disk.accepted
        disk.is_full = False
        await clock.advance(timedelta(minutes=1))

    assert 1 < tries < 10
    records = (each for each in caplog.records if each.name == "shared.host.outage")
    assert [record.getMessage() for record in records] == [
        "cannot receive from turns: the disk is full",
        "can receive from turns again",
    ]
    assert function.ended == ["a1"]


async def test_a_pump_that_pauses_stops_at_once(broker: EmbeddedBroker, clock: FakeClock) -> None:
    host = make_host(
        indexed(turns_app(Function())), broker=StrictBroker(broker, random=Plug()), clock=clock
    )
    await host.start()
    await clock.advance(timedelta(minutes=2))
    before = clock.now()

    async with asyncio.timeout(5):
        await host.stop(grace=timedelta(minutes=10))

    assert clock.now() == before


async def test_p3_two_hosts_keep_the_order_of_each_session_whatever_fails_and_is_lost(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    names = [f"{session}{number}" for number in range(10, 40) for session in "abcde"]
    effects: list[str] = []
    chance, hosts = Random(3), Counter[int]()
    failed = 0

    def taking_part(host: int) -> Handler:
        async def take(message: func.ServiceBusMessage) -> None:
            nonlocal failed
            await clock.sleep(timedelta(seconds=chance.random()))
            if chance.random() < FAILING:
                failed += 1
                raise RuntimeError("the database is down")
            hosts[host] += 1
            effects.append(message.get_body().decode())

        return take

    async with AsyncExitStack() as both:
        for number in range(2):
            strict = StrictBroker(broker, random=Random(number))
            app = turns_app(taking_part(number))
            host = running(app, broker=strict, clock=clock, settings=TWO_AT_A_TIME)
            await both.enter_async_context(host)
        await send_turns(broker, *names)
        while len(set(effects)) < len(names):
            await clock.advance(timedelta(seconds=1))

    firsts = list(dict.fromkeys(effects))
    for session in "abcde":
        own = [name for name in firsts if name[0] == session]
        assert own == [name for name in names if name[0] == session]
    assert failed > 10
    assert len(effects) > len(names)  # locks were lost after the work was done
    assert set(hosts) == {0, 1}
