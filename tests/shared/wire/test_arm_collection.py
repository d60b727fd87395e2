import pytest

from shared.errors import InvalidRequestError
from shared.wire.arm_collection import (
    STATES,
    CollectionResource,
    CollectionState,
    collection_answer,
    patchable,
)
from shared.wire.job_collection import CollectionDefinition, JobCollectionState, Plan
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read

RECORDED: JsonObject = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Scheduler/jobCollections/jc1",
    "type": "Microsoft.Scheduler/jobCollections",
    "name": "jc1",
    "location": "South Central US",
    "tags": {"department": "finance", "Name": "value"},
    "properties": {
        "sku": {"name": "Standard"},
        "state": "Suspended",
        "quota": {
            "maxJobCount": 10,
            "maxJobOccurrence": 50,
            "maxRecurrence": {"frequency": "day", "interval": 1},
        },
    },
}


def test_what_was_answered_can_be_sent_back() -> None:
    resource = read(CollectionResource, RECORDED)

    answer = collection_answer(
        "/subscriptions/s/resourceGroups/g",
        "jc1",
        resource.definition("South Central US"),
        location="South Central US",
        state=STATES[resource.properties.state],
    )

    assert list(answer.items()) == list(RECORDED.items())
    assert read(CollectionResource, patchable(answer)) == resource


@pytest.mark.parametrize(
    "plan", ["Free", "standard", "PREMIUM", "P10Premium", "p10premium", "P20Premium"]
)
def test_a_plan_is_read_in_any_case(plan: str) -> None:
    document: JsonObject = {"properties": {"SKU": {"Name": plan}}}

    assert read(CollectionResource, document).properties.sku.name.lower() == plan.lower()


def test_little_is_needed_and_little_is_answered() -> None:
    resource = read(CollectionResource, {"properties": {}})

    state = STATES[CollectionState.ENABLED]
    definition = resource.definition("West US")
    answer = collection_answer("", "c", definition, location="West US", state=state)

    assert answer["properties"] == {"sku": {"name": "Standard"}, "state": "Enabled"}
    assert "tags" not in answer


@pytest.mark.parametrize("state", JobCollectionState)
def test_every_state_of_the_store_has_a_word(state: JobCollectionState) -> None:
    definition = CollectionDefinition(plan=Plan.FREE)

    answer = collection_answer("", "c", definition, location="West US", state=state)

    assert read(CollectionResource, answer).properties.state in CollectionState


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"properties": {"state": "Deleted"}}, "$.properties.state: must be one of"),
        ({"properties": {"sku": {"name": "Gold"}}}, "$.properties.sku.name: must be one of"),
        ({"properties": {"sku": {}}}, "$.properties.sku.name: is required"),
        ({"tags": {"a": 1}}, "$.tags.a: must be a string"),
        ({"tags": {str(n): "" for n in range(16)}}, "$.tags: "),
        ({"properties": {"jobs": []}}, "$.properties.jobs: is not a known member"),
    ],
)
def test_faults_are_told_with_their_place(document: Json, message: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read(CollectionResource, document)

    assert refused.value.message.startswith(message)
