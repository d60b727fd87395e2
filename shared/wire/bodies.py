"""The bodies that callers send: which model an endpoint takes, and what else must hold."""

from collections.abc import Mapping

from pydantic import ValidationError

from shared.errors import Fault, InvalidRequestError
from shared.wire.endpoint import Endpoint, RequestModel
from shared.wire.faults import faults_of
from shared.wire.job import MAX_JOB_BYTES, Job
from shared.wire.job_patch import with_certificates
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.model import PARTIAL, read, read_json, respelled_members, validated


def check_body(
    endpoint: Endpoint, document: Json, *, params: Mapping[str, str], path: str = "$"
) -> JsonObject | None:
    """Return `document` when `endpoint` takes it as its body, its members as our models spell them; None stands for no
    body.

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
    document, faults = _spelled(endpoint, model, document, path)
    if model is Job and (fault := _id_fault(document.get("id"), params.get("job"), path)):
        faults = (*faults, fault)
    if faults:
        raise InvalidRequestError(faults)
    if model is Job and endpoint.merges:
        with_certificates(document, path=path)
    return document


def check_query(endpoint: Endpoint, document: Json, *, path: str = "$.query") -> dict[str, str]:
    """Return `document` when `endpoint` takes it as its query, its members as our models spell them.

    Raises:
        InvalidRequestError: with every fault; `path` is where the query stands in the request.
    """
    model = endpoint.query_model
    if model is None and not document:
        return {}
    if model is None:
        raise InvalidRequestError(
            [Fault(path, f"must be absent: {endpoint.name} has no query to take")]
        )
    if document is not None and not isinstance(document, dict):
        raise InvalidRequestError([Fault(path, "must be an object")])
    query = read(model, document or {}, path=path).document()
    return {name: str(value) for name, value in query.items()}


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
    """Return the body of PATCH as a document for `job_patch.merge_job`.

    Raises:
        InvalidRequestError: with every fault that can be seen before the merge.
    """
    _check_size(content)
    document = parse_json(content)
    if not isinstance(document, dict):
        raise InvalidRequestError([Fault("$", "must be an object")])
    return check_job_patch(document, id=id)


def check_job_patch(document: JsonObject, *, id: str) -> JsonObject:
    """Return what changes a job as a document for `job_patch.merge_job`; what it leaves out is not missing.

    Raises:
        InvalidRequestError: with every fault that can be seen before the merge.
    """
    patch, twice = respelled_members(Job, document)
    faults = (*_patch_faults(Job, patch, "$"), *twice)
    if fault := _id_fault(patch.get("id"), id, "$"):
        faults = (*faults, fault)
    if faults:
        raise InvalidRequestError(faults)
    return with_certificates(patch)


def _spelled(
    endpoint: Endpoint, model: RequestModel, document: JsonObject, path: str
) -> tuple[JsonObject, tuple[Fault, ...]]:
    """Return `document` with its names as `model` spells them, and what is wrong with it."""
    if not endpoint.merges and _is_valid(model, document):
        return document, ()
    document, twice = respelled_members(model, document, path=path)
    return document, (*_faults(endpoint, model, document, path), *twice)


def _is_valid(model: RequestModel, document: JsonObject) -> bool:
    """Say whether nothing is wrong with `document`; its names are then spelled as the model's are."""
    try:
        validated(model, document)
    except ValidationError:
        return False
    return True


def _faults(
    endpoint: Endpoint, model: RequestModel, document: JsonObject, path: str
) -> tuple[Fault, ...]:
    if endpoint.merges:
        return _patch_faults(model, document, path)
    try:
        read(model, document, path=path)
    except InvalidRequestError as error:
        return error.faults
    return ()


def _patch_faults(model: RequestModel, patch: JsonObject, path: str) -> tuple[Fault, ...]:
    try:
        validated(model, _without_nulls(patch), context=PARTIAL)
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
