"""Jobs and their records as resources of ARM, in and out (contract sections B.3 and B.5)."""

from datetime import datetime

from shared.errors import Fault, InvalidRequestError
from shared.wire.arm_ids import HISTORY_TYPE, JOB_TYPE, history_key, job_id
from shared.wire.job import JobExecutionStatus, JobHistory
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.times import format_instant

READ_ONLY = frozenset({"id", "status"})
ENVELOPE = frozenset({"id", "type", "name", "properties"})
PASCAL = {
    name.lower(): name
    for name in (
        "Http", "Https", "StorageQueue", "ServiceBusQueue", "ServiceBusTopic",
        "Basic", "ClientCertificate", "ActiveDirectoryOAuth",
    )
}  # fmt: skip


class NoResourceError(InvalidRequestError):
    """What was sent is not a resource; its faults are about that, and not about the job in it."""


def read_properties(content: bytes) -> JsonObject:
    """Return the job in a resource, without what the service says of it: scripts send back what they were answered.

    Raises:
        NoResourceError.
    """
    try:
        resource = parse_json(content)
    except InvalidRequestError as error:
        raise NoResourceError(error.faults) from None
    if not isinstance(resource, dict):
        raise NoResourceError([Fault("$", "must be an object")])
    unknown = [name for name in resource if name.lower() not in ENVELOPE]
    faults = [Fault(f"$.{name[:100]}", "is not a known member") for name in unknown]
    properties = [value for name, value in resource.items() if name.lower() == "properties"]
    document = properties[-1] if properties else None
    if not isinstance(document, dict):
        found = "is required" if document is None else "must be an object"
        raise NoResourceError([*faults, Fault("$.properties", found)])
    if faults:
        raise NoResourceError(faults)
    return {name: value for name, value in document.items() if name.lower() not in READ_ONLY}


def job_resource(container: str, collection: str, document: JsonObject) -> JsonObject:
    """Return a job, given as the classic surface shows it, as a resource."""
    properties = dict(document)
    name = properties.pop("id")
    assert isinstance(name, str), "every job has an id"
    if isinstance(action := properties.get("action"), dict):
        properties["action"] = _in_pascal(action)
    return {
        "id": job_id(container, collection, name),
        "type": JOB_TYPE,
        "name": f"{collection}/{name}",
        "properties": properties,
    }


def history_resource(
    container: str, collection: str, record: JobHistory, *, sequence: int, expected_at: datetime
) -> JsonObject:
    """Return a record; `sequence` grows with every record, `expected_at` is the occurrence it is of."""
    key = history_key(record.start_time, sequence)
    properties: JsonObject = {
        "startTime": format_instant(record.start_time),
        "endTime": format_instant(record.end_time),
        "expectedExecutionTime": format_instant(expected_at),
    }
    # Recorded only where it is not the default of the service's own enumeration.
    if record.status is not JobExecutionStatus.COMPLETED:
        properties["status"] = record.status.value
    properties["message"] = record.message
    properties["retryCount"] = record.retry_count
    properties["repeatCount"] = record.repeat_count
    properties["actionName"] = record.action_name.value
    return {
        "id": f"{job_id(container, collection, record.job_id)}/history/{key}",
        "type": HISTORY_TYPE,
        "name": f"{collection}/{record.job_id}/{key}",
        "properties": properties,
    }


def _in_pascal(action: JsonObject) -> JsonObject:
    """Return an action whose type, and that of its HTTP authentication, are written as ARM writes them."""
    changed = {**action, "type": _pascal(action.get("type"))}
    request = action.get("request")
    if isinstance(request, dict) and isinstance(given := request.get("authentication"), dict):
        authentication = {**given, "type": _pascal(given.get("type"))}
        changed["request"] = {**request, "authentication": authentication}
    if isinstance(error_action := action.get("errorAction"), dict):
        changed["errorAction"] = _in_pascal(error_action)
    return changed


def _pascal(word: Json) -> Json:
    return PASCAL.get(word.lower(), word) if isinstance(word, str) else word
