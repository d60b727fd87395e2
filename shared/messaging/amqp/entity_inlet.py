"""What is sent to a queue or topic (facts §1, "Sending")."""

from shared.clock import Clock, to_microseconds
from shared.messaging.amqp.envelopes import BATCH_FORMAT, envelope_of, unbatch
from shared.messaging.amqp.node import Transferred
from shared.messaging.amqp.performatives import Accepted, Outcome
from shared.messaging.embedded.core import BrokerCore


class EntityInlet:
    """Accepts a message, or all of a batch, once it is durable.

    The core keeps the order in which it is asked, and it is asked before anything is awaited.
    """

    def __init__(self, core: BrokerCore, path: str, clock: Clock) -> None:
        self._core = core
        self._path = path
        self._clock = clock

    async def transferred(self, message: Transferred) -> Outcome:
        is_batch = message.message_format == BATCH_FORMAT
        payloads = unbatch(message.payload) if is_batch else [message.payload]
        now = to_microseconds(self._clock.now())
        envelopes = [envelope_of(payload, now=now) for payload in payloads]
        await self._core.send(self._path, envelopes)
        return Accepted()

    async def ended(self) -> None:
        """What was sent before is kept."""
