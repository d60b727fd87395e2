"""The types of the events that Tocsin publishes; frozen once released."""

from enum import StrEnum


class EventType(StrEnum):
    """What happened, in the past tense."""

    OPERATION_SUCCEEDED = "tocsin.operation.succeeded"
    OPERATION_FAILED = "tocsin.operation.failed"
    OPERATION_CANCELED = "tocsin.operation.canceled"
    JOB_CREATED = "tocsin.job.created"
    JOB_UPDATED = "tocsin.job.updated"
    JOB_DELETED = "tocsin.job.deleted"
    JOB_ENABLED = "tocsin.job.enabled"
    JOB_DISABLED = "tocsin.job.disabled"
    JOB_COMPLETED = "tocsin.job.completed"
    JOB_FAULTED = "tocsin.job.faulted"
    ATTEMPT_SUCCEEDED = "tocsin.attempt.succeeded"
    ATTEMPT_FAILED = "tocsin.attempt.failed"
    EXECUTION_SUCCEEDED = "tocsin.execution.succeeded"
    EXECUTION_FAILED = "tocsin.execution.failed"
    EXECUTION_SKIPPED = "tocsin.execution.skipped"
    HISTORY_LOST = "tocsin.history.lost"
    COMMAND_REJECTED = "tocsin.command.rejected"
    DELIVERY_DEADLETTERED = "tocsin.delivery.deadlettered"
    EVENT_SUBSCRIPTION_TESTED = "tocsin.eventsubscription.tested"
    EVENT_SUBSCRIPTION_DISABLED = "tocsin.eventsubscription.disabled"

    @property
    def dataschema(self) -> str:
        """The name of the schema that the event's data follows."""
        return f"urn:tocsin:schema:{self.value}:1"
