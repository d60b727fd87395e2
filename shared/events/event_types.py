"""The types of the events that Tocsin publishes; frozen once released."""

from enum import StrEnum


class EventType(StrEnum):
    """What happened, in the past tense."""

    OPERATION_SUCCEEDED = "tocsin.operation.succeeded"
    OPERATION_FAILED = "tocsin.operation.failed"
    COMMAND_REJECTED = "tocsin.command.rejected"
    DELIVERY_DEADLETTERED = "tocsin.delivery.deadlettered"
    EVENT_SUBSCRIPTION_DISABLED = "tocsin.eventsubscription.disabled"

    @property
    def dataschema(self) -> str:
        """The name of the schema that the event's data follows."""
        return f"urn:tocsin:schema:{self.value}:1"
