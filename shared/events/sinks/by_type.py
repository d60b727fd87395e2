"""Every kind of sink, by the type that its settings name."""

from datetime import timedelta

from shared.aws.clients import AwsClients
from shared.clock import Clock
from shared.events.sink import Destination, EventSink, SinkType
from shared.events.sinks.aws import AwsSink, Service
from shared.events.sinks.eventbridge import EventBus
from shared.events.sinks.service_bus import ServiceBusSinks
from shared.events.sinks.sns import SnsTopic
from shared.events.sinks.sqs import SqsQueue
from shared.events.sinks.webhook import Webhooks


class AwsSinks:
    """Opens sinks in AWS, over clients that others may use too."""

    def __init__(
        self,
        clients: AwsClients,
        clock: Clock,
        *,
        region: str | None,
        time_limit: timedelta,
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._region = region
        self._time_limit = time_limit

    def open(self, destination: Destination) -> EventSink:
        """Return the sink of one destination; it connects when it sends."""
        return AwsSink(
            self._service(destination), self._clients, self._clock, time_limit=self._time_limit
        )

    def _service(self, destination: Destination) -> Service:
        if destination.type is SinkType.SNS:
            return SnsTopic(destination)
        if destination.type is SinkType.SQS:
            return SqsQueue(destination, region=self._region)
        return EventBus(destination, region=self._region)


class SinksByType:
    """Opens every sink; closing what they share is the business of who made it."""

    def __init__(self, *, webhooks: Webhooks, service_bus: ServiceBusSinks, aws: AwsSinks) -> None:
        self._webhooks = webhooks
        self._service_bus = service_bus
        self._aws = aws

    def open(self, destination: Destination) -> EventSink:
        """Return the sink of one destination; it connects when it sends."""
        match destination.type:
            case SinkType.WEBHOOK:
                return self._webhooks.open(destination)
            case SinkType.SERVICE_BUS_QUEUE | SinkType.SERVICE_BUS_TOPIC:
                return self._service_bus.open(destination)
            case SinkType.SNS | SinkType.SQS | SinkType.EVENTBRIDGE:
                return self._aws.open(destination)
