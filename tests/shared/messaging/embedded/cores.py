"""A broker core for tests, and envelopes for it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from shared.clock import Clock
from shared.messaging.amqp.codec.envelopes import sections_of
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.encoding import encode
from shared.messaging.embedded.envelope import Delivery, Envelope, Form, SessionLock, StoredEnvelope
from shared.messaging.entities import NamespaceDescription
from shared.messaging.message import Message
from shared.sql.database import Database
from tests.contracts.broker_steps import QUEUES, TOPICS

NO_WAIT = timedelta(0)
DESCRIPTION = NamespaceDescription(name="test", queues=QUEUES, topics=TOPICS)
FORGED = UUID(int=2**128 - 1)


def make_core(
    database: Database, clock: Clock, description: NamespaceDescription = DESCRIPTION
) -> BrokerCore:
    return BrokerCore(database, clock=clock, description=description)


def letter(body: str, *, session_id: str | None = None, **properties: int | str) -> Envelope:
    """Return an envelope of a message with these application properties."""
    return encode(
        Message(body=body.encode(), session_id=session_id, application_properties=properties)
    )


async def lock(
    core: BrokerCore, path: str, count: int = 1, *, session: SessionLock | None = None
) -> list[Delivery]:
    return await core.lock(path, max_messages=count, max_wait=NO_WAIT, session=session)


def payloads(envelopes: Sequence[StoredEnvelope]) -> list[str]:
    return [envelope.payload.decode() for envelope in envelopes]


def of_amqp(message: Message) -> Envelope:
    payload = sections_of(message)
    return Envelope(
        form=Form.AMQP, payload=payload, size=len(payload), message_id=message.message_id
    )
