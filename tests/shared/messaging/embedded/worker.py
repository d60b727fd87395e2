"""A process that sends and completes for all it can, and says on stdout what was acknowledged, until it is killed.

Lines: `sent N`, `taking N` just before completing, `done N` after it.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from shared.clock import SystemClock
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import QueueDescription
from shared.messaging.message import Message
from shared.sql.sqlite import SqliteDatabase

QUEUES = [QueueDescription(name="work", max_delivery_count=1000)]


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def send(broker: EmbeddedBroker, numbers: Iterator[int]) -> None:
    while True:
        number = next(numbers)
        await broker.send("work", [Message(body=str(number).encode())])
        say(f"sent {number}")


async def complete(broker: EmbeddedBroker) -> None:
    receiver = broker.receiver("work")
    while True:
        for message in await receiver.receive(max_messages=3, max_wait=None):
            number = message.message.body.decode()
            say(f"taking {number}")
            await receiver.complete(message)
            say(f"done {number}")


async def work(path: Path, first: int) -> None:
    database = SqliteDatabase(path, clock=SystemClock())
    broker = EmbeddedBroker(database, clock=SystemClock(), queues=QUEUES)
    await database.run(broker.free_locks)
    numbers = count(first)
    senders = [send(broker, numbers) for _ in range(6)]
    await asyncio.gather(*senders, *(complete(broker) for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
