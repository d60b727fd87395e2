"""Two local hosts beside one broker that is served, each over connections of the SDK of Azure."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta

import azure.functions as func

from shared.clock import SystemClock
from shared.host.host_json import HostSettings
from shared.messaging.entities import NamespaceDescription
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from tests.shared.host.hosting import QUEUES, running
from tests.shared.host.sessions import Handler, send_turns, turns_app
from tests.shared.messaging.amqp.serving import serving

SESSIONS = "abcde"
NAMES = [f"{session}{number}" for number in range(10, 20) for session in SESSIONS]
SETTINGS = HostSettings(max_concurrent_sessions=3, session_idle_timeout=timedelta(seconds=1))
EVERY = 7
LONGEST = 60


async def test_p3_two_hosts_keep_the_order_of_each_session_though_messages_fail() -> None:
    clock, deliveries = SystemClock(), Counter[str]()
    effects: list[str] = []
    hosts: set[int] = set()
    take_part, is_done = asyncio.Event(), asyncio.Event()

    def taking_part(host: int) -> Handler:
        async def take(message: func.ServiceBusMessage) -> None:
            name = message.get_body().decode()
            deliveries[name] += 1
            if deliveries[name] == 1 and NAMES.index(name) % EVERY == 0:
                raise RuntimeError("the database is down")
            hosts.add(host)
            if hosts == {0, 1}:
                take_part.set()
            await take_part.wait()
            effects.append(name)
            if len(effects) == len(NAMES):
                is_done.set()

        return take

    async with (
        serving(NamespaceDescription(name="ns", queues=QUEUES)) as served,
        AsyncExitStack() as both,
    ):
        connection = ServiceBusConnection(connection_string=served.connection_string)
        brokers = [ServiceBusBroker(connection, clock=clock) for _ in range(2)]
        for number, broker in enumerate(brokers):
            both.push_async_callback(broker.close)
            app = turns_app(taking_part(number))
            host = running(app, broker=broker, clock=clock, settings=SETTINGS)
            await both.enter_async_context(host)
        await send_turns(brokers[0], *NAMES)
        async with asyncio.timeout(LONGEST):
            await is_done.wait()

    for session in SESSIONS:
        own = [name for name in effects if name[0] == session]
        assert own == [name for name in NAMES if name[0] == session]
    assert max(deliveries.values()) == 2
