"""Sinks in AWS with something behind them: the wire of a test, or moto."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from shared.aws.clients import AwsClients, new_session
from shared.aws.connection import AwsConnection
from shared.clock import SystemClock
from shared.events.sink import Destination, EventSink, SinkType
from shared.events.sinks.by_type import AwsSinks
from shared.wire.json_types import Json
from tests.contracts.event_sink import Behaviour
from tests.shared.events.sinks.aws_wire import AwsWire, speaking_aws

REGION = "eu-west-1"
ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
PATIENCE = 60
"""Seconds for what has to arrive: on a busy machine the first call, which makes its client, takes a while."""
IMPATIENCE = 0.8


@dataclass
class DestinedToWire:
    """A sink whose AWS is the wire; `impatient` is another one there, which soon gives up."""

    wire: AwsWire
    sink: EventSink
    impatient: EventSink

    @property
    def received(self) -> list[tuple[str, bytes]]:
        return [(sent.event_id, sent.text.encode()) for sent in self.wire.taken]

    def behave(self, behaviour: Behaviour) -> None:
        self.wire.behaviour = behaviour
        if behaviour is Behaviour.STAY_SILENT:
            self.sink = self.impatient


def connection_to(endpoint: str) -> AwsConnection:
    return AwsConnection(
        access_key_id="testing", secret_access_key="testing", region=REGION, endpoint=endpoint
    )


@cache
def shared_session() -> Any:
    """Return one for all tests of a process: each would read the same descriptions."""
    return new_session(connection_to(""))


def clients_of(connection: AwsConnection, *, seconds: float) -> AwsClients:
    return AwsClients(
        connection,
        time_limit=timedelta(seconds=seconds),
        session=lambda _: shared_session(),
    )


@asynccontextmanager
async def aws_sinks(endpoint: str, *, seconds: float) -> AsyncIterator[AwsSinks]:
    """Open what opens sinks in the AWS at `endpoint`."""
    connection, limit = connection_to(endpoint), timedelta(seconds=seconds)
    shared_session()
    clients = clients_of(connection, seconds=seconds)
    try:
        yield AwsSinks(clients, SystemClock(), region=REGION, time_limit=limit)
    finally:
        await clients.close()


@asynccontextmanager
async def destined_to_wire(
    kind: SinkType, settings: dict[str, Json]
) -> AsyncIterator[DestinedToWire]:
    """Open a sink on the wire; `{wire}` in its settings is where that is."""
    async with (
        speaking_aws() as wire,
        aws_sinks(wire.url, seconds=PATIENCE) as sinks,
        aws_sinks(wire.url, seconds=IMPATIENCE) as impatient,
    ):
        placed: dict[str, Json] = {
            name: str(value).format(wire=wire.url) for name, value in settings.items()
        }
        destination = Destination(type=kind, settings=placed)
        yield DestinedToWire(wire, sinks.open(destination), impatient.open(destination))
