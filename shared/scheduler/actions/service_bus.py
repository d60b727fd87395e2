"""The actions that put a message into a queue or a topic of Service Bus, by its key."""

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.scheduler.action import Attempt, Outcome, sealing_context_of
from shared.scheduler.actions.not_sent import NotSent, NotSentError
from shared.scheduler.actions.queue_records import (
    Destination,
    destination_of,
    service_bus_failure,
    service_bus_success,
)
from shared.sealing import Sealer
from shared.wire.queue_action import ServiceBusAuthenticationType

if TYPE_CHECKING:
    from shared.scheduler.actions.senders import Address, Senders

TIME_LIMIT = timedelta(seconds=60)


class ServiceBusAction:
    """Sends by the SDK, which is imported by the first attempt.

    `endpoint` is `amqps://` or, without TLS, `amqp://` and a host, with `{namespace}` where its name belongs. It is
    always AMQP that is spoken, whatever `transportType` says: the other protocol is gone.
    """

    def __init__(
        self,
        *,
        sealer: Sealer,
        endpoint: str,
        clock: Clock,
        time_limit: timedelta = TIME_LIMIT,
    ) -> None:
        self._sealer = sealer
        self._endpoint = endpoint
        self._clock = clock
        self._time_limit = time_limit
        self._senders: Senders | None = None

    async def execute(self, attempt: Attempt) -> Outcome:
        destination = destination_of(attempt.action)
        try:
            await self._send(attempt, destination)
        except NotSentError as error:
            told = service_bus_failure(destination, error)
            return Outcome(is_success=False, message=told, reason=error.kind.value)
        return Outcome(is_success=True, message=service_bus_success(destination), reason="sent")

    async def close(self) -> None:
        if self._senders is not None:
            await self._senders.close()
            self._senders = None

    async def _send(self, attempt: Attempt, destination: Destination) -> None:
        from shared.scheduler.actions.service_bus_message import service_bus_message

        message = service_bus_message(attempt, destination.message, now=self._clock.now())
        address = self._address(attempt, destination)
        await self._open_senders().send(address, message, time_limit=self._time_limit)

    def _address(self, attempt: Attempt, destination: Destination) -> "Address":
        from shared.scheduler.actions.senders import Address

        shown = destination.message.authentication
        if shown is None or shown.type is not ServiceBusAuthenticationType.SHARED_ACCESS_KEY:
            raise NotSentError(NotSent.NO_KEY)
        assert shown.sas_key is not None, "the action was checked before it was stored"
        sealed = shown.sas_key.get_secret_value()
        return Address(
            namespace=destination.message.namespace,
            entity=destination.entity,
            key_name=shown.sas_key_name or "",
            key=self._sealer.unseal(sealed, context=sealing_context_of(attempt)),
        )

    def _open_senders(self) -> "Senders":
        if self._senders is None:
            from shared.scheduler.actions.senders import Senders

            self._senders = Senders(self._endpoint, clock=self._clock)
        return self._senders
