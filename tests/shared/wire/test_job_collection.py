import pytest
from hypothesis import given

from shared.errors import Fault, InvalidRequestError
from shared.wire.job_collection import JobCollection
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from tests.shared.wire import strategies


@given(strategies.job_collections)
def test_collections_survive_json(collection: JobCollection) -> None:
    assert read(JobCollection, collection.document()) == collection


def test_a_collection_without_plan_is_standard() -> None:
    assert read(JobCollection, {}).document() == {"plan": "Standard"}


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"plan": "Gold"}, Fault("$.plan", "must be one of Free, Standard, Premium, P10Premium, P20Premium")),
        ({"quota": {"maxJobCount": 0}}, Fault("$.quota.maxJobCount", "is 0; from 1 to 2147483647 are allowed")),
        ({"quota": {"maxJobOccurrence": 2**31}},
         Fault("$.quota.maxJobOccurrence", "is 2147483648; from 1 to 2147483647 are allowed")),
        ({"quota": {"maxJobs": 1}}, Fault("$.quota.maxJobs", "is not a known member")),
        (
            {"quota": {"maxRecurrence": {"frequency": "hour", "interval": 1001}}},
            Fault("$.quota.maxRecurrence.interval", "is 1001; from 1 to 1000 are allowed"),
        ),
        ({"label": "a\x01"}, Fault("$.label", "must not contain control characters")),
        ({"label": "a" * 101}, Fault("$.label", "must have at most 100 characters")),
    ],
)  # fmt: skip
def test_collections_that_cannot_be_are_refused(document: JsonObject, fault: Fault) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(JobCollection, document)

    assert caught.value.faults == (fault,)
