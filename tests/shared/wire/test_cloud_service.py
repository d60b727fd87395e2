import pytest
from hypothesis import given

from shared.errors import InvalidRequestError
from shared.wire.cloud_service import CloudService
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from tests.shared.wire import strategies


@given(strategies.cloud_services)
def test_cloud_services_survive_json(service: CloudService) -> None:
    assert read(CloudService, service.document()) == service


def test_a_region_is_read_ignoring_case_and_answered_in_its_own() -> None:
    service = read(CloudService, {"label": "l", "geoRegion": "west europe"})

    assert service.document() == {"label": "l", "description": "", "geoRegion": "West Europe"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"label": ""}, "$.label"),
        ({"label": "l" * 101}, "$.label"),
        ({"label": "\x00"}, "$.label"),
        ({"description": "d" * 1025}, "$.description"),
        ({"geoRegion": "Atlantis"}, "$.geoRegion"),
        ({"geoRegion": 1}, "$.geoRegion"),
        ({"name": "n"}, "$.name"),
    ],
)
def test_cloud_services_that_cannot_be_are_refused(change: JsonObject, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(CloudService, {"label": "l", "geoRegion": "West US", **change})

    assert [fault.path for fault in caught.value.faults] == [path]
