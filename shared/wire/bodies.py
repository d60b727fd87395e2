"""The bodies of requests and answers, by endpoint: what must hold of them, and their form at the service."""

from collections.abc import Mapping

from pydantic import ValidationError

from shared.errors import Fault, InvalidRequestError
from shared.wire.catalogue import Endpoint, RequestModel, ResponseKind
from shared.wire.cloud_service import CloudService
from shared.wire.faults import faults_of
from shared.wire.job import MAX_JOB_BYTES, Job
from shared.wire.job_collection import JobCollection
from shared.wire.json_codec import encode_json
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.model import read, read_json
from shared.wire.secret_members import drop_secrets
from shared.wire.xml_codec import (
    decode_cloud_service_answer,
    decode_cloud_services,
    decode_job_collection_answer,
    decode_operation,
    encode_cloud_service,
    encode_job_collection,
)

JSON_TYPE = "application/json; charset=utf-8"
XML_TYPE = "application/xml; charset=utf-8"


def check_body(
    endpoint: Endpoint, document: Json, *, params: Mapping[str, str], path: str = "$"
) -> JsonObject | None:
    """Return `document` when `endpoint` takes it as its body; None stands for no body.

    Raises:
        InvalidRequestError: with every fault; `path` is where the body stands in the request.
    """
    model = endpoint.request_model
    if model is None:
        if document is not None:
            raise InvalidRequestError(
                [Fault(path, f"must be absent: {endpoint.name} takes no body")]
            )
        return None
    if not isinstance(document, dict):
        found = "is required" if document is None else "must be an object"
        raise InvalidRequestError([Fault(path, found)])
    faults = _faults(endpoint, model, document, path)
    if model is Job and (fault := _id_fault(document.get("id"), params.get("job"), path)):
        faults = (*faults, fault)
    if faults:
        raise InvalidRequestError(faults)
    return document


def render_body(endpoint: Endpoint, document: JsonObject) -> tuple[bytes, str]:
    """Return a checked body as the service takes it, and its content type."""
    model = endpoint.request_model
    if model is CloudService:
        return encode_cloud_service(read(CloudService, document)), XML_TYPE
    if model is JobCollection:
        return encode_job_collection(read(JobCollection, document)), XML_TYPE
    return encode_json(document), JSON_TYPE


def read_answer(endpoint: Endpoint, content: bytes) -> Json:
    """Return what the body of a success says, as JSON and without secrets: old servers answer some of them.

    Raises:
        InvalidRequestError: it is not what the endpoint answers.
    """
    match endpoint.response:
        case ResponseKind.NOTHING:
            return None
        case ResponseKind.CLOUD_SERVICE:
            return decode_cloud_service_answer(content).document()
        case ResponseKind.CLOUD_SERVICES:
            return [service.document() for service in decode_cloud_services(content)]
        case ResponseKind.JOB_COLLECTION:
            return decode_job_collection_answer(content).document()
        case ResponseKind.OPERATION:
            return decode_operation(content).document()
        case ResponseKind.JOB:
            return _read_job_answer(parse_json(content), "$")
        case ResponseKind.JOBS:
            jobs = parse_json(content)
            if not isinstance(jobs, list):
                raise InvalidRequestError([Fault("$", "must be an array")])
            return [_read_job_answer(job, f"$[{index}]") for index, job in enumerate(jobs)]


def read_job(content: bytes, *, id: str | None) -> Job:
    """Return the job in the body of PUT (`id` from the URI) or POST (None).

    Raises:
        InvalidRequestError: with every fault.
    """
    _check_size(content)
    job = read_json(Job, content)
    if fault := _id_fault(job.id, id, "$"):
        raise InvalidRequestError([fault])
    return job


def read_job_patch(content: bytes, *, id: str) -> JsonObject:
    """Return the body of PATCH as a document for `merge.merge`; what it leaves out is not missing.

    Raises:
        InvalidRequestError: with every fault that can be seen before the merge.
    """
    _check_size(content)
    document = parse_json(content)
    if not isinstance(document, dict):
        raise InvalidRequestError([Fault("$", "must be an object")])
    faults = _patch_faults(Job, document, "$")
    if fault := _id_fault(document.get("id"), id, "$"):
        faults = (*faults, fault)
    if faults:
        raise InvalidRequestError(faults)
    return document


def _faults(
    endpoint: Endpoint, model: RequestModel, document: JsonObject, path: str
) -> tuple[Fault, ...]:
    if endpoint.method == "PATCH":
        return _patch_faults(model, document, path)
    try:
        read(model, document, path=path)
    except InvalidRequestError as error:
        return error.faults
    return ()


def _patch_faults(model: RequestModel, patch: JsonObject, path: str) -> tuple[Fault, ...]:
    try:
        model.model_validate(_without_nulls(patch), by_alias=True, by_name=False)
    except ValidationError as error:
        return faults_of(error, path=path, is_partial=True)
    return ()


def _without_nulls(document: JsonObject) -> JsonObject:
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in document.items()
        if value is not None
    }


def _check_size(content: bytes) -> None:
    if len(content) > MAX_JOB_BYTES:
        raise InvalidRequestError(
            [Fault("$", f"has {len(content)} bytes, a job may have {MAX_JOB_BYTES}")]
        )


def _id_fault(given: Json, expected: str | None, path: str) -> Fault | None:
    if given is None or given == expected:
        return None
    found = (
        "is chosen by the service" if expected is None else f"must be {expected!r} as in the URI"
    )
    return Fault(f"{path}.id", found)


def _read_job_answer(document: Json, path: str) -> JsonObject:
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise InvalidRequestError([Fault(path, "must be a job with an id")])
    return drop_secrets(document)
