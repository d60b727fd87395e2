"""Dead letters for a broker."""

import asyncio
from datetime import timedelta

from shared.messaging.broker import Broker
from shared.messaging.message import Message, ReceivedMessage

NO_WAIT = timedelta(0)


async def bury(broker: Broker, queue: str, *messages: Message, reason: str = "Bad") -> list[int]:
    """Send messages and dead-letter them; returns their sequence numbers."""
    await broker.send(queue, messages)
    receiver = broker.receiver(queue)
    received: list[ReceivedMessage] = []
    while len(received) < len(messages):
        received += await receiver.receive(max_messages=len(messages), max_wait=NO_WAIT)
    await asyncio.gather(
        *(
            receiver.dead_letter(message, reason=reason, description="no command")
            for message in received
        )
    )
    return [message.sequence_number for message in received]
