import pytest

from shared.connector.rendering import JSON, XML, render_body
from shared.wire.catalogue import CATALOGUE
from shared.wire.json_types import JsonObject

SERVICE: JsonObject = {"label": "l", "geoRegion": "west europe"}
PURCHASE: JsonObject = {
    "resourceProviderNameSpace": "scheduler",
    "type": "JobCollections",
    "registrationDate": "2016-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("name", "body", "etag", "sent"),
    [
        ("CreateOrUpdateCloudService", SERVICE, None, b"<GeoRegion>West Europe</GeoRegion>"),
        ("CreateJobCollection", {"plan": "free"}, None, b"<Plan>Free</Plan>"),
        ("UpdateJobCollection", {}, "e1", b"<SchemaVersion>1.1</SchemaVersion><ETag>e1</ETag>"),
        ("EntitleResource", PURCHASE, None, b"<Type>JobCollections</Type><RegistrationDate>2016"),
    ],
)
def test_the_front_end_gets_xml(name: str, body: JsonObject, etag: str | None, sent: bytes) -> None:
    content, content_type = render_body(CATALOGUE[name], body, etag=etag)

    assert content_type == XML
    assert sent in content


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("PatchJobCollection", {"quota": None}),
        ("SetJobsState", {"state": "disabled"}),
        ("PatchJob", {"state": "enabled"}),
    ],
)
def test_jobs_and_what_only_arm_had_get_json(name: str, body: JsonObject) -> None:
    content, content_type = render_body(CATALOGUE[name], body, etag=None)

    assert content_type == JSON
    assert content in (b'{"quota":null}', b'{"state":"disabled"}', b'{"state":"enabled"}')
