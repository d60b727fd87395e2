"""A namespace that stays from test to test has to be emptied in between."""

import asyncio
from datetime import timedelta
from functools import partial

from shared.errors import SessionCannotBeLockedError, TocsinError
from shared.messaging.broker import Broker, Receiver
from shared.messaging.message import MessageState
from shared.messaging.servicebus.broker import ServiceBusBroker
from tests.contracts.broker_steps import ALL, ORDERED, QUEUES, SOME

NO_WAIT = timedelta(0)
PATHS = (*(queue.name for queue in QUEUES if not queue.requires_session), SOME, ALL)
SOURCES = (*PATHS, *(f"{path}/$DeadLetterQueue" for path in (*PATHS, ORDERED)))


async def empty(broker: Broker) -> None:
    """Complete or cancel everything that is not locked by somebody else."""
    await asyncio.gather(
        *(empty_source(broker, path) for path in SOURCES), empty_sessions(broker, ORDERED)
    )


async def let_go(broker: ServiceBusBroker) -> None:
    """Complete what this broker has locked, so that the next does not have to wait for it."""
    for reader in broker._readers.values():
        for message in list(reader._deliveries._held.values()):
            try:
                await reader.call(partial(reader.sdk.complete_message, message))
            except TocsinError:
                continue  # its lock has ended


async def empty_source(broker: Broker, path: str) -> None:
    receiver = broker.receiver(path)
    await complete_all(receiver)
    rest = await broker.peek(path, max_messages=100)
    aside = [seen.sequence_number for seen in rest if seen.state is MessageState.DEFERRED]
    later = [seen.sequence_number for seen in rest if seen.state is MessageState.SCHEDULED]
    if aside:
        for message in await receiver.receive_deferred(aside):
            await receiver.complete(message)
    if later:
        await broker.cancel_scheduled(path, later)


async def empty_sessions(broker: Broker, path: str) -> None:
    while True:
        try:
            session = await broker.accept_session(path, max_wait=NO_WAIT)
        except SessionCannotBeLockedError:
            return
        await complete_all(session)
        await session.set_state(None)
        await session.close()


async def complete_all(receiver: Receiver) -> None:
    while messages := await receiver.receive(max_messages=100, max_wait=NO_WAIT):
        for message in messages:
            await receiver.complete(message)
