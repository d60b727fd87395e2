"""A client of the broker over AMQP, in a process of its own: the unmodified azure-servicebus SDK, sync or async.

Reads one JSON object from stdin (`connection_string`, `queue`, `what`, `sdk`, `seconds`, `at_once`, `prefetch`) and
prints one: how many messages, in how many seconds, with how much CPU, or latencies in milliseconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient as AsyncClient

from benchmarks.load import quantile

BODY = b"x" * 1024
PACE = 0.005
PACED = 1000
SCHEDULED_AHEAD = timedelta(seconds=3)
SCHEDULED_EVERY = timedelta(milliseconds=5)

Plan = dict[str, Any]
Answer = dict[str, float]


class Counted:
    """Counts what was done from the first call after the warm-up on."""

    def __init__(self, seconds: float) -> None:
        self._began = time.perf_counter()
        self._cpu = time.process_time()
        self._ends = self._began + seconds
        self.count = 0

    def goes_on(self) -> bool:
        return time.perf_counter() < self._ends

    def to_json(self) -> Answer:
        return {
            "count": self.count,
            "seconds": time.perf_counter() - self._began,
            "cpu": time.process_time() - self._cpu,
        }


def send_sync(client: ServiceBusClient, plan: Plan) -> Answer:
    with client.get_queue_sender(plan["queue"], keep_alive=None) as sender:
        sender.send_messages(ServiceBusMessage(BODY))
        counted = Counted(plan["seconds"])
        while counted.goes_on():
            if plan["at_once"] == 1:
                sender.send_messages(ServiceBusMessage(BODY))
            else:
                batch = sender.create_message_batch()
                for _ in range(plan["at_once"]):
                    batch.add_message(ServiceBusMessage(BODY))
                sender.send_messages(batch)
            counted.count += plan["at_once"]
        return counted.to_json()


def receive_sync(client: ServiceBusClient, plan: Plan) -> Answer:
    with client.get_queue_receiver(plan["queue"], prefetch_count=plan["prefetch"]) as receiver:
        receiver.complete_message(receiver.receive_messages(max_message_count=1)[0])
        counted = Counted(plan["seconds"])
        while counted.goes_on():
            received = receiver.receive_messages(max_message_count=plan["at_once"], max_wait_time=5)
            for message in received:
                receiver.complete_message(message)
            counted.count += len(received)
        return counted.to_json()


async def send_async(client: AsyncClient, plan: Plan) -> Answer:
    async with client.get_queue_sender(plan["queue"], keep_alive=None) as sender:
        await sender.send_messages(ServiceBusMessage(BODY))
        counted = Counted(plan["seconds"])
        while counted.goes_on():
            if plan["at_once"] == 1:
                await sender.send_messages(ServiceBusMessage(BODY))
            else:
                batch = await sender.create_message_batch()
                for _ in range(plan["at_once"]):
                    batch.add_message(ServiceBusMessage(BODY))
                await sender.send_messages(batch)
            counted.count += plan["at_once"]
        return counted.to_json()


async def receive_async(client: AsyncClient, plan: Plan) -> Answer:
    receiving = client.get_queue_receiver(plan["queue"], prefetch_count=plan["prefetch"])
    async with receiving as receiver:
        await receiver.complete_message((await receiver.receive_messages())[0])
        counted = Counted(plan["seconds"])
        while counted.goes_on():
            received = await receiver.receive_messages(
                max_message_count=plan["at_once"], max_wait_time=5
            )
            for message in received:
                await receiver.complete_message(message)
            counted.count += len(received)
        return counted.to_json()


async def measure_latency(client: AsyncClient, plan: Plan) -> Answer:
    """From before the call of send to the message in the hands of a receiver that waits."""

    async def pace() -> None:
        async with client.get_queue_sender(plan["queue"], keep_alive=None) as sender:
            for _ in range(PACED):
                await sender.send_messages(ServiceBusMessage(str(time.perf_counter())))
                await asyncio.sleep(PACE)  # noqa: TID251

    def late(message: ServiceBusReceivedMessage) -> float:
        return time.perf_counter() - float(str(message))

    return await watch(client, plan, pace, late)


async def measure_lateness(client: AsyncClient, plan: Plan) -> Answer:
    """From the scheduled instant to the message in the hands of a receiver that waits."""

    async def schedule() -> None:
        first = datetime.now(UTC) + SCHEDULED_AHEAD  # noqa: TID251
        due = [first + SCHEDULED_EVERY * number for number in range(PACED)]
        async with client.get_queue_sender(plan["queue"], keep_alive=None) as sender:
            for start in range(0, PACED, 100):
                for instant in due[start : start + 100]:
                    message = ServiceBusMessage(str(instant.timestamp()))
                    message.scheduled_enqueue_time_utc = instant
                    await sender.send_messages(message)

    def late(message: ServiceBusReceivedMessage) -> float:
        return time.time() - float(str(message))  # noqa: TID251

    return await watch(client, plan, schedule, late)


async def watch(
    client: AsyncClient,
    plan: Plan,
    produce: Callable[[], Awaitable[None]],
    late: Callable[[ServiceBusReceivedMessage], float],
) -> Answer:
    latencies: list[float] = []
    async with client.get_queue_receiver(plan["queue"], prefetch_count=100) as receiver:
        producing = asyncio.ensure_future(produce())
        async for message in receiver:
            latencies.append(late(message))
            await receiver.complete_message(message)
            if len(latencies) == PACED:
                break
        await producing
    return summary(latencies)


def summary(latencies: Iterable[float]) -> Answer:
    ordered = sorted(latencies)
    return {
        "p50_ms": quantile(ordered, 0.50) * 1000,
        "p99_ms": quantile(ordered, 0.99) * 1000,
        "max_ms": ordered[-1] * 1000,
        "min_ms": ordered[0] * 1000,
    }


SYNC = {"send": send_sync, "receive": receive_sync}
ASYNC = {
    "send": send_async,
    "receive": receive_async,
    "latency": measure_latency,
    "lateness": measure_lateness,
}


async def run_async(plan: Plan) -> Answer:
    async with AsyncClient.from_connection_string(plan["connection_string"]) as client:
        return await ASYNC[plan["what"]](client, plan)


def main() -> None:
    plan = json.load(sys.stdin)
    if plan["sdk"] == "async":
        answer = asyncio.run(run_async(plan))
    else:
        with ServiceBusClient.from_connection_string(plan["connection_string"]) as client:
            answer = SYNC[plan["what"]](client, plan)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
