"""A job collection: plan and quota for the jobs in it."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from shared.wire.model import WireModel, check_characters
from shared.wire.recurrence import FrequencyWord, check_interval
from shared.wire.words import word_reader


class Plan(StrEnum):
    FREE = "Free"
    STANDARD = "Standard"
    PREMIUM = "Premium"
    P10_PREMIUM = "P10Premium"
    P20_PREMIUM = "P20Premium"


class JobCollectionState(StrEnum):
    STARTED = "Started"
    STOPPED = "Stopped"
    PAUSED = "Paused"
    UNKNOWN = "Unknown"
    NOT_FOUND = "NotFound"


class OperationResult(StrEnum):
    """How the last asynchronous change of a collection ended, as its own body says it."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    IN_PROGRESS = "InProgress"


PlanWord = Annotated[Plan, BeforeValidator(word_reader(Plan))]
MAX_COUNT = 2**31 - 1


def _check_count(count: int) -> int:
    if not 1 <= count <= MAX_COUNT:
        raise PydanticCustomError(
            "count",
            "is {count}; from 1 to {most} are allowed",
            {"count": count, "most": MAX_COUNT},
        )
    return count


Count = Annotated[int, Field(strict=True), AfterValidator(_check_count)]


class MaxRecurrence(WireModel):
    """The most frequent recurrence that a job of the collection may have."""

    frequency: FrequencyWord
    interval: Annotated[int, Field(strict=True)]

    _check_interval = field_validator("interval")(check_interval)


class Quota(WireModel):
    """Tightens what the plan allows; the maximum of occurrences is accepted and has no effect."""

    max_job_count: Count | None = None
    max_job_occurrence: Count | None = None
    max_recurrence: MaxRecurrence | None = None


class JobCollection(WireModel):
    """What a caller says of a collection; without a plan it is Standard."""

    plan: PlanWord = Plan.STANDARD
    quota: Quota | None = None
    label: (
        Annotated[str, Field(min_length=1, max_length=100), AfterValidator(check_characters)] | None
    ) = None


TagName = Annotated[str, Field(min_length=1, max_length=512)]
TagValue = Annotated[str, Field(max_length=256)]


class CollectionDefinition(JobCollection):
    """What is stored of a collection: what the classic surface says of it, and what only ARM does.

    Without a location it is where its cloud service is.
    """

    location: str | None = None
    tags: dict[TagName, TagValue] | None = None


class OperationError(WireModel):
    """Why the last change failed."""

    http_code: int
    message: str = ""
    extended_code: str | None = None


class JobCollectionAnswer(WireModel):
    """What the service says of a collection; the quota exactly as supplied, absent if it was not.

    One that was made through ARM is spelled another way in the list of cloud services.
    """

    name: str
    geo_region: str | None = None
    etag: str
    state: Annotated[JobCollectionState, BeforeValidator(word_reader(JobCollectionState))] = (
        JobCollectionState.STARTED
    )
    plan: PlanWord = Plan.STANDARD
    quota: Quota | None = None
    label: str | None = None
    is_arm_born: Annotated[bool, Field(exclude=True)] = False
    operation_type: str = "Create"
    operation_result: Annotated[OperationResult, BeforeValidator(word_reader(OperationResult))] = (
        OperationResult.SUCCEEDED
    )
    error: OperationError | None = None
