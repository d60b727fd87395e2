"""Whether a resource, as a GET shows it, is what a command was to make of it; pure."""

from shared.client.scheduler import RestResponse
from shared.connector.answers import READS, result_in
from shared.errors import InvalidRequestError, PayloadTooLargeError
from shared.wire.endpoint import Endpoint
from shared.wire.job import JobState
from shared.wire.job_collection import JobCollectionAnswer, OperationResult
from shared.wire.json_types import Json
from shared.wire.model import read
from shared.wire.secret_members import map_secret_members
from shared.wire.xml_codec import decode_job_collection_answer

ADDED_BY_SERVICE = frozenset(
    ("id", "name", "type", "status", "state", "startTime", "retryPolicy")
    + ("geoRegion", "etag", "plan", "operationType", "operationResult", "error")
)
"""Members that a resource may show though nobody has sent them."""


def shows(endpoint: Endpoint, sent: Json, response: RestResponse) -> bool:
    """Whether the resource that a GET returned is what `endpoint` was to make of it."""
    try:
        found = result_in(READS[endpoint.resource], response)
    except (InvalidRequestError, PayloadTooLargeError):
        return False
    if not isinstance(found, dict):
        return False
    done = OperationResult.SUCCEEDED.value
    if found.get("operationResult", done) != done:
        return False
    wanted = normal_form(endpoint, sent)
    return is_within(wanted, found) and (endpoint.method != "PUT" or is_all(wanted, found))


def collection_of(response: RestResponse) -> JobCollectionAnswer | None:
    """Return the collection that a GET returned, None when it is not to be read."""
    try:
        return decode_job_collection_answer(response.body)
    except InvalidRequestError:
        return None


def normal_form(endpoint: Endpoint, sent: Json) -> Json:
    """Return what was sent with the service's own spelling of words, without secrets."""
    if endpoint.request_model is not None and endpoint.method == "PUT":
        document = read(endpoint.request_model, sent).document()
        if document.get("state") == JobState.ENABLED:
            # It may have ended since.
            del document["state"]
        sent = document
    return map_secret_members(sent, lambda _: None)


def is_within(part: Json, whole: Json) -> bool:
    """Whether everything that `part` says holds of `whole`; null says that a member is not there."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(
            is_within(value, whole[name]) if name in whole else value is None
            for name, value in part.items()
        )
    return part == whole


def is_all(wanted: Json, found: Json) -> bool:
    """Whether `found`, in which `wanted` is, has nothing besides but what the service adds.

    What a PUT was to take away is there as long as it has not been carried out.
    """
    if not isinstance(wanted, dict) or not isinstance(found, dict):
        return True
    if found.get("state") == JobState.DISABLED and "state" not in wanted:
        return False
    return all(
        is_all(wanted[name], value) if name in wanted else name in ADDED_BY_SERVICE
        for name, value in found.items()
    )
