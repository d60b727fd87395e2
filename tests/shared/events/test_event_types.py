from shared.events.event_types import EventType


def test_the_types_are_frozen() -> None:
    assert {str(one) for one in EventType} == {
        "tocsin.operation.succeeded",
        "tocsin.operation.failed",
        "tocsin.command.rejected",
        "tocsin.delivery.deadlettered",
        "tocsin.eventsubscription.disabled",
    }


def test_a_schema_is_named_after_its_type() -> None:
    assert EventType.OPERATION_FAILED.dataschema == "urn:tocsin:schema:tocsin.operation.failed:1"
