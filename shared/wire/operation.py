"""The front end's view of a request that is being carried out: Get Operation Status."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.wire.model import WireModel
from shared.wire.words import word_reader


class OperationStatus(StrEnum):
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class ServiceError(WireModel):
    """Code and message of an error, whatever form it was sent in."""

    code: str
    message: str = ""


class Operation(WireModel):
    """`id` is the request id as in `x-ms-request-id`: 32 hexadecimal digits, no dashes.

    The HTTP status is absent while in progress; the error is there only when failed.
    """

    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    status: Annotated[OperationStatus, BeforeValidator(word_reader(OperationStatus))]
    http_status_code: int | None = None
    error: ServiceError | None = None
