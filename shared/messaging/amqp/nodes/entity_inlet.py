"""What is sent to a queue or topic (facts §1, "Sending")."""

from shared.messaging.amqp.codec.envelopes import BATCH_FORMAT, unbatch
from shared.messaging.amqp.codec.performatives import Accepted, Error, Outcome, Rejected
from shared.messaging.amqp.engine.node import Transferred
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.embedded.core import BrokerCore


class EntityInlet:
    """Accepts a message, or all of a batch, once it is durable.

    The core keeps the order in which it is asked, and it is asked before anything is awaited.
    """

    def __init__(self, core: BrokerCore, path: str, arrivals: Arrivals) -> None:
        self._core = core
        self._path = path
        self._arrivals = arrivals

    async def transferred(self, message: Transferred) -> Outcome:
        is_batch = message.message_format == BATCH_FORMAT
        payloads = unbatch(message.payload) if is_batch else [message.payload]
        await self._core.send(self._path, self._arrivals.envelopes(payloads))
        return Accepted()

    async def oversized(self, beginning: bytes, error: Error) -> Outcome:
        """Only the delivery: of a link that is detached the SDK would not learn what was wrong with it."""
        return Rejected(error)

    async def ended(self) -> None:
        """What was sent before is kept."""
