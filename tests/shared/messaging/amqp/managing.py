"""What a management node is asked, without a wire."""

from dataclasses import dataclass
from typing import Any

from shared.messaging.amqp.codec.sections import decode_message
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.amqp.nodes.managed_entity import HeldSessions, ManagedEntity
from shared.messaging.amqp.nodes.management import answer_management
from shared.messaging.amqp.nodes.requests import Request
from shared.messaging.embedded.core import BrokerCore
from tests.clocks import FakeClock


@dataclass(frozen=True)
class Answered:
    """`condition` is None where nothing went wrong."""

    status: int
    condition: str | None
    body: Any


def managed(core: BrokerCore, path: str, sessions: HeldSessions | None = None) -> ManagedEntity:
    arrivals = Arrivals(FakeClock(), lambda: "given")
    return ManagedEntity(core, path, sessions or HeldSessions(), arrivals)


async def ask(entity: ManagedEntity, operation: str, body: Any, **properties: Any) -> Answered:
    request = Request("m", None, {"operation": f"com.microsoft:{operation}", **properties}, body)
    message = decode_message(await answer_management(entity, request))
    assert message.properties.correlation_id == "m"
    told = message.application_properties
    assert isinstance(told["statusDescription"], str)
    return Answered(told["statusCode"], told.get("errorCondition"), message.value)
