"""What answers of the Scheduler say, in the connector's forms; pure.

An answer that is not what the contract says it is must not stop an operation: what cannot be read is None.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from shared.client.scheduler import RestResponse
from shared.connector.operations import Ended, OperationError, OperationStatus
from shared.errors import Fault, InvalidRequestError, PayloadTooLargeError
from shared.storable import storable
from shared.wire.catalogue import CATALOGUE
from shared.wire.endpoint import Endpoint, ResponseKind
from shared.wire.errors import read_error
from shared.wire.json_types import Json, parse_json
from shared.wire.operation import Operation as ServiceOperation
from shared.wire.provider import decode_name_availability, decode_provider_properties
from shared.wire.secret_members import map_secret_members
from shared.wire.xml_codec import (
    decode_cloud_service_answer,
    decode_cloud_services,
    decode_job_collection_answer,
    decode_operation,
)

LONGEST_MESSAGE = 4096
LARGEST_RESULT = 4 * 1024 * 1024
# By the resource, since a change and the read that shows its effect name the same one; its history shows no change.
READS: Mapping[str, Endpoint] = MappingProxyType(
    {row.resource: row for row in CATALOGUE.values() if row.is_read and not row.suffix}
)


def error_of(response: RestResponse) -> OperationError:
    """Return the service's code and message, or the status in words when the body has none."""
    error = read_error(response.body)
    if error is not None:
        return OperationError(code=kept(error.code), message=kept(error.message))
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown Status"
    return OperationError(
        code=phrase.replace(" ", "").replace("-", ""),
        message=f"the Scheduler answered {response.status} without saying why",
    )


def error_in(operation: ServiceOperation) -> OperationError:
    """Return why the service's own operation failed."""
    error = operation.error
    if error is None:
        return OperationError(
            code="InternalError", message="the Scheduler did not say why it failed"
        )
    return OperationError(code=kept(error.code), message=kept(error.message))


def service_operation_of(response: RestResponse) -> ServiceOperation | None:
    """Return the answer of Get Operation Status."""
    try:
        return decode_operation(response.body)
    except InvalidRequestError:
        return None


def end_of(endpoint: Endpoint, response: RestResponse) -> Ended:
    """Return the end that a last success is, with what it says.

    A change has succeeded whatever its answer is like; a read that brings nothing has failed.
    """
    error: OperationError | None = None
    result: Json = None
    try:
        result = result_in(endpoint, response)
    except InvalidRequestError as unreadable:
        error = OperationError(
            code="Rejected",
            message=kept(f"the Scheduler's answer cannot be read: {unreadable}"),
        )
    except PayloadTooLargeError as too_large:
        error = OperationError(code="ResultTooLarge", message=too_large.message)
    if error is not None and endpoint.is_read:
        return Ended(status=OperationStatus.FAILED, http_status=response.status, error=error)
    return Ended(status=OperationStatus.SUCCEEDED, http_status=response.status, result=result)


def result_in(endpoint: Endpoint, response: RestResponse) -> Json:
    """Return the body of a success without secrets, in the connector's JSON form.

    Raises:
        InvalidRequestError: it is not what the endpoint answers.
        PayloadTooLargeError: it is more than an operation keeps.
    """
    size = len(response.body)
    if size > LARGEST_RESULT:
        parts = "; ask for parts of it with $top and $skip" if endpoint.query_model else ""
        raise PayloadTooLargeError(
            f"the answer has {size} bytes, {LARGEST_RESULT} can be kept{parts}"
        )
    return map_secret_members(document_of(endpoint, response.body), lambda _: None)


def document_of(endpoint: Endpoint, body: bytes) -> Json:
    """Return what the body of a success says.

    Raises:
        InvalidRequestError: it is not what the endpoint answers.
    """
    if endpoint.response is ResponseKind.NOTHING:
        return None
    return xml_document(endpoint.response, body) if endpoint.is_xml else parse_json(body)


def xml_document(kind: ResponseKind, body: bytes) -> Json:
    """Raises InvalidRequestError when `body` is not of that kind."""
    match kind:
        case ResponseKind.CLOUD_SERVICE:
            return decode_cloud_service_answer(body).document()
        case ResponseKind.JOB_COLLECTIONS:
            return [one.document() for one in decode_cloud_service_answer(body).resources]
        case ResponseKind.CLOUD_SERVICES:
            return [service.document() for service in decode_cloud_services(body)]
        case ResponseKind.JOB_COLLECTION:
            return decode_job_collection_answer(body).document()
        case ResponseKind.OPERATION:
            return decode_operation(body).document()
        case ResponseKind.PROVIDER_PROPERTIES:
            return dict(decode_provider_properties(body))
        case ResponseKind.NAME_AVAILABILITY:
            return {"isAvailable": decode_name_availability(body)}
        case _:
            raise InvalidRequestError([Fault("$", f"is a {kind}, which no command asks for")])


def kept(text: str) -> str:
    """Return text that a database and an event can hold."""
    return storable(text[:LONGEST_MESSAGE])
