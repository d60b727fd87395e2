"""Deliveries: signed webhooks with their records, one event for a thousand of them, and slow ones beside healthy ones.

python -m benchmarks.deliveries [events]

The receiver is a process of its own. The bare loops post the same body to it, unsigned and without a record: one
`requests.Session`, and aiohttp with eight posts at once, as many as go to one webhook.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import aiohttp
import requests

from benchmarks.load import quantile
from benchmarks.machine import cpu_seconds, describe, fsync_milliseconds
from benchmarks.path import listening
from shared.bootstrap import Application
from shared.cli.demo.ports import free_ports
from shared.clock import SystemClock
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.key_ring import create_key_file
from shared.messaging.entities import DELIVERIES
from shared.messaging.message import ReceivedMessage
from shared.messaging.wake_up import WakeUp
from shared.settings import Role, Settings
from shared.sql.database import Transaction

CLOCK = SystemClock()
EVENTS = 5000
RECEIVERS = 1000
CALLS = 256
"""As many queue functions as host.json lets run at once."""
HEALTHY, SLOW, DEAD = 98, 40, 1
EACH, EVERY = 60, timedelta(milliseconds=500)
"""Events of a run and the time between them: slow receivers answer twice within it."""
ROUNDS = 3
TYPES = {
    "healthy": EventType.JOB_CREATED.value,
    "slow": EventType.JOB_UPDATED.value,
    "dead": EventType.JOB_DELETED.value,
}
LATENCIES = f"""SELECT (delivery.ended_at - event.published_at) / 1000.0 FROM delivery
JOIN event ON event.number = delivery.number WHERE event.type = '{TYPES["healthy"]}'"""
UNDELIVERED = """SELECT count(*) FROM delivery JOIN event_subscription ON event_subscription.id =
event_subscription_id WHERE delivery.status = 'pending' AND filter_types LIKE '%{type}%'"""


async def measure(events: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        print(f"{describe()}, fsync {fsync_milliseconds(Path(name)):.2f} ms\n")
    port = free_ports().host
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.receiver", str(port))
    )
    try:
        await listening(port)
        await bare(f"http://127.0.0.1:{port}/", events)
        for receivers in (1, 100):
            await throughput(f"http://127.0.0.1:{port}/", events, receivers)
        await fan_out(f"http://127.0.0.1:{port}/")
        await isolation(port)
    finally:
        process.terminate()
        await process.wait()


async def bare(url: str, number: int) -> None:
    body = an_event("bare").encode()
    headers = {"content-type": "application/cloudevents+json"}
    session = requests.Session()

    def post_all() -> None:
        for _ in range(number):
            session.post(url, data=body, headers=headers, timeout=15)

    await timed("bare requests.Session, one at a time", number, lambda: asyncio.to_thread(post_all))
    left = iter(range(number))
    async with aiohttp.ClientSession() as client:

        async def loop() -> None:
            for _ in left:
                async with client.post(url, data=body, headers=headers) as answer:
                    await answer.read()

        async def post() -> None:
            await asyncio.gather(*(loop() for _ in range(8)))

        await timed("bare aiohttp, eight at once", number, post)


async def throughput(url: str, number: int, receivers: int) -> None:
    async with opened() as app:
        for index in range(receivers):
            await subscribe(app, f"{url}{index}")
        each = number // receivers
        await insert(app, [an_event(f"e{index}") for index in range(each)])
        await app.event_log.publish()
        await timed(
            f"signed, recorded, to {receivers} webhook{'s' * (receivers > 1)}",
            each * receivers,
            lambda: deliver_until_done(app),
        )


async def fan_out(url: str) -> None:
    async with opened() as app:
        for index in range(RECEIVERS):
            await subscribe(app, f"{url}{index}")
        await insert(app, [an_event("e")])

        async def publish_and_deliver() -> None:
            await timed("  of which publishing", RECEIVERS, app.event_log.publish)
            await deliver_until_done(app)

        await timed(f"one event to {RECEIVERS} webhooks", RECEIVERS, publish_and_deliver)


async def isolation(port: int) -> None:
    """Say how long events take to the healthy ones, alone and beside the others, by turns: the machine has moods."""
    print(
        f"{HEALTHY} healthy webhooks, {EACH} events, {1 / EVERY.total_seconds():.0f} a second,"
        f" {ROUNDS} times by turns; from publishing to the answer"
    )
    found: dict[str, list[float]] = {"alone": [], f"beside {DEAD} dead, {SLOW} slow": []}
    for _ in range(ROUNDS):
        for name, (slow, dead) in zip(found, ((0, 0), (SLOW, DEAD)), strict=True):
            cpu = cpu_seconds(os.getpid())
            run = await latencies(port, slow=slow, dead=dead)
            cpu = (cpu_seconds(os.getpid()) - cpu) / EACH * 1000
            print(f"  {name:<24} {described(run)}   {cpu:.0f} ms CPU an event")
            found[name] += run
    (alone, beside) = found.values()
    print(f"  all rounds, alone        {described(alone)}")
    print(f"  all rounds, beside       {described(beside)}")
    ratio = quantile(sorted(beside), 0.99) / quantile(sorted(alone), 0.99)
    print(f"  p99 beside / alone       {ratio:.2f}")


def described(found: Sequence[float]) -> str:
    ordered = sorted(found)
    p50, p99 = quantile(ordered, 0.5), quantile(ordered, 0.99)
    return f"p50 {p50:>7.1f} ms   p99 {p99:>7.1f} ms   max {ordered[-1]:>7.1f} ms"


async def latencies(port: int, *, slow: int, dead: int) -> list[float]:
    """Return the milliseconds from publishing to the answer of each delivery to a healthy webhook."""
    url = f"http://127.0.0.1:{port}"
    async with opened() as app:
        for index in range(HEALTHY):
            await subscribe(app, f"{url}/{index}", word="healthy")
        for index in range(slow):
            await subscribe(app, f"{url}/slow{index}", word="slow")
        for _ in range(dead):
            await subscribe(app, "http://127.0.0.1:9/", word="dead")
        pump = asyncio.create_task(deliver(app))
        for index in range(EACH):
            for word in ("healthy", "slow", "dead"):
                await insert(app, [an_event(f"{word}{index}", word)])
            await app.event_log.publish()
            await CLOCK.sleep(EVERY)
        while await value(app, UNDELIVERED.format(type=TYPES["healthy"])):
            await CLOCK.sleep(timedelta(milliseconds=50))
        pump.cancel()
        rows = await app._database.read(
            lambda connection: list(connection.exec_driver_sql(LATENCIES))
        )
        return [row[0] for row in rows]


async def deliver_until_done(app: Application) -> None:
    pump = asyncio.create_task(deliver(app))
    while await value(app, "SELECT count(*) FROM delivery WHERE status = 'pending'"):
        await CLOCK.sleep(timedelta(milliseconds=20))
    pump.cancel()


async def deliver(app: Application) -> None:
    """Do what the local host does with the queue: take wake-ups, run the function, complete."""
    receiver = app.broker.receiver(DELIVERIES)
    free = asyncio.Semaphore(CALLS)
    async with asyncio.TaskGroup() as group:

        async def handle(message: ReceivedMessage) -> None:
            try:
                await app.deliveries.deliver(WakeUp.decode(message.message.body))
                await receiver.complete(message)
            finally:
                free.release()

        while True:
            await free.acquire()
            for message in await receiver.receive(max_messages=1, max_wait=None):
                group.create_task(handle(message))


@asynccontextmanager
async def opened() -> AsyncIterator[Application]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create_key_file(folder / "data-key.json")
        settings = Settings(
            data_dir=folder,
            role=Role.SCHEDULER,
            data_key_file=folder / "data-key.json",
            allowed_networks=(IPv4Network("127.0.0.0/8"),),
        )
        app = Application(settings)
        await app.open()
        try:
            yield app
        finally:
            await app.close()


async def subscribe(app: Application, url: str, *, word: str = "") -> None:
    wanted = {
        "sink": {"type": "webhook", "url": url},
        "filter": {"types": [TYPES[word] if word else "*"]},
    }
    await app.event_subscriptions.create(json.dumps(wanted).encode(), caller="key")


async def insert(app: Application, events: Sequence[CloudEvent]) -> None:
    def write(transaction: Transaction) -> None:
        for event in events:
            app.event_log.insert(transaction, event)

    await app._database.run(write)


def an_event(name: str, word: str = "") -> CloudEvent:
    """Return an event as large as the completion of an operation."""
    return CloudEvent(
        id=f"{name}/end",
        source="/subscriptions/1",
        type=TYPES[word] if word else EventType.OPERATION_SUCCEEDED,
        subject="/cloudservices/cs1/jobcollections/jc1/jobs/nightly",
        time=CLOCK.now(),
        data={"id": name, "command": "CreateOrUpdateJob", "result": {"text": "x" * 600}},
    )


async def value(app: Application, query: str) -> int:
    rows = await app._database.read(lambda connection: list(connection.exec_driver_sql(query)))
    return int(rows[0][0])


async def timed(name: str, number: int, work: Callable[[], Awaitable[object]]) -> None:
    began, cpu = time.perf_counter(), cpu_seconds(os.getpid())
    await work()
    took = time.perf_counter() - began
    used = (cpu_seconds(os.getpid()) - cpu) / number * 1_000_000
    print(f"{name:<40}{number / took:>8,.0f}/s   {used:>6.0f} µs CPU each   {took:.2f} s")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))
