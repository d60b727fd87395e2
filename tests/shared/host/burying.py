"""Dead letters for a broker."""

from datetime import timedelta

from shared.messaging.broker import Broker
from shared.messaging.message import Message

NO_WAIT = timedelta(0)


async def bury(broker: Broker, queue: str, *messages: Message, reason: str = "Bad") -> list[int]:
    """Send messages and dead-letter them; returns their sequence numbers."""
    await broker.send(queue, messages)
    receiver = broker.receiver(queue)
    numbers = []
    for _ in messages:
        (message,) = await receiver.receive(max_messages=1, max_wait=NO_WAIT)
        await receiver.dead_letter(message, reason=reason, description="no command")
        numbers.append(message.sequence_number)
    return numbers
