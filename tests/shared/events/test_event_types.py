from shared.events.event_types import EventType


def test_the_types_are_frozen() -> None:
    assert {str(one) for one in EventType} == {
        "tocsin.operation.succeeded",
        "tocsin.operation.failed",
        "tocsin.operation.canceled",
        "tocsin.job.created",
        "tocsin.job.updated",
        "tocsin.job.deleted",
        "tocsin.job.enabled",
        "tocsin.job.disabled",
        "tocsin.job.completed",
        "tocsin.job.faulted",
        "tocsin.attempt.succeeded",
        "tocsin.attempt.failed",
        "tocsin.execution.succeeded",
        "tocsin.execution.failed",
        "tocsin.execution.skipped",
        "tocsin.history.lost",
        "tocsin.command.rejected",
        "tocsin.delivery.deadlettered",
        "tocsin.eventsubscription.tested",
        "tocsin.eventsubscription.disabled",
    }


def test_a_schema_is_named_after_its_type() -> None:
    assert EventType.OPERATION_FAILED.dataschema == "urn:tocsin:schema:tocsin.operation.failed:1"
