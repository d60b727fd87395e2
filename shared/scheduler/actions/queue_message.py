"""Actions that put a message into a queue or a topic: kept and answered, but not carried out by this version."""

from shared.scheduler.action import Attempt, Outcome
from shared.wire.action import payload_of
from shared.wire.json_types import JsonObject

NOT_SENT = "was not sent: this version does not send messages yet"


class QueueMessageAction:
    """Fails every attempt, and says so in its record."""

    async def execute(self, attempt: Attempt) -> Outcome:
        return Outcome(is_success=False, message=failure_of(attempt.action), reason="not_sent")

    async def close(self) -> None:
        """There is nothing to close."""


def failure_of(action: JsonObject) -> str:
    """Return the message of the record; it names account and queue in quotes, which PowerShell takes apart."""
    payload = payload_of(action["type"])
    message = action[payload or ""]
    assert isinstance(message, dict), "the action was checked before it was stored"
    match payload:
        case "queueMessage":
            queue, account = message["queueName"], message["storageAccount"]
            return f"StorageQueue Action - Message to queue '{queue}' of storage account '{account}' {NOT_SENT}"
        case "serviceBusQueueMessage":
            queue, namespace = message["queueName"], message["namespace"]
            return f"ServiceBusQueue Action - Message to queue '{queue}' of namespace '{namespace}' {NOT_SENT}"
        case _:
            topic, namespace = message["topicPath"], message["namespace"]
            return f"ServiceBusTopic Action - Message to topic '{topic}' of namespace '{namespace}' {NOT_SENT}"
