"""Bodies of requests: the connector takes JSON, the front end of the Scheduler takes XML."""

from shared.wire.cloud_service import CloudService
from shared.wire.endpoint import Endpoint
from shared.wire.job_collection import JobCollection
from shared.wire.json_codec import encode_json
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from shared.wire.provider import Entitlement, encode_entitlement
from shared.wire.xml_codec import encode_cloud_service, encode_job_collection

XML = "application/xml"
JSON = "application/json; charset=utf-8"


def render_body(endpoint: Endpoint, body: JsonObject, *, etag: str | None) -> tuple[bytes, str]:
    """Return `body` as the endpoint takes it, and its content type."""
    if endpoint.request_model is CloudService:
        return encode_cloud_service(read(CloudService, body)), XML
    if endpoint.request_model is Entitlement:
        return encode_entitlement(read(Entitlement, body)), XML
    if endpoint.request_model is JobCollection and endpoint.is_xml:
        return encode_job_collection(read(JobCollection, body), etag=etag), XML
    return encode_json(body), JSON
