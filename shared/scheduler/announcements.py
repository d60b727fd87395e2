"""The events that the Scheduler service and its engine tell the connector.

Their ids follow from what they tell, so that telling it again after a crash repeats them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from shared.events.cloudevent import NO_EXTENSIONS, CloudEvent, ExtensionValue
from shared.events.event_types import EventType
from shared.wire.catalogue import CATALOGUE
from shared.wire.job import JobExecutionStatus
from shared.wire.json_types import JsonObject
from shared.wire.routing import resource_path
from shared.wire.times import format_instant

ATTEMPT_EVENTS = {
    JobExecutionStatus.COMPLETED.value: EventType.ATTEMPT_SUCCEEDED,
    JobExecutionStatus.FAILED.value: EventType.ATTEMPT_FAILED,
}

BY_SCHEDULE = "schedule"
"""The origin of an execution that the job's own timing asked for; otherwise it is the id of the request that did."""


class SkipReason(StrEnum):
    """Why an occurrence had no execution, or one that never started."""

    OVERLAP = "overlap"
    MISSED = "missed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPath:
    """The names that lead to a job, as they were made."""

    subscription: str
    cloud_service: str
    job_collection: str
    job: str

    @property
    def source(self) -> str:
        return f"/subscriptions/{self.subscription}"

    @property
    def subject(self) -> str:
        return subject_of(self.cloud_service, self.job_collection, self.job)


@lru_cache(maxsize=8192)
def subject_of(cloud_service: str, job_collection: str, job: str) -> str:
    """Return the subject of a job's events; every execution asks for it more than once."""
    names = {"cloud_service": cloud_service, "job_collection": job_collection, "job": job}
    return resource_path(CATALOGUE["GetJob"], names)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldExecution:
    """Which execution is told of: by what it was asked for (`BY_SCHEDULE` or a request id), and for when."""

    id: str
    origin: str
    expected_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRange:
    """Consecutive occurrences that were skipped for one reason; both ends belong to it."""

    id: str
    reason: SkipReason
    first: datetime
    last: datetime


def attempt_event(
    path: JobPath, execution: ToldExecution, *, record: JsonObject, at: datetime
) -> CloudEvent:
    """Return what tells of one try of an execution that ended `at`; `record` is its JobHistory."""
    return event(
        ATTEMPT_EVENTS[str(record["status"])],
        path,
        id=f"{execution.id}/{record['actionName']}/{record['retryCount']}",
        at=at,
        data={
            **record,
            "executionId": execution.id,
            "expectedExecutionTime": format_instant(execution.expected_time),
        },
        extensions={"executionid": execution.id},
    )


def execution_event(
    path: JobPath,
    execution: ToldExecution,
    *,
    attempts: int,
    is_success: bool,
    last: JsonObject | None,
    at: datetime,
) -> CloudEvent:
    """Return what tells that an execution ended and nothing more follows; `last` is its last record."""
    data: JsonObject = {
        "executionId": execution.id,
        "origin": execution.origin,
        "expectedExecutionTime": format_instant(execution.expected_time),
        "attempts": attempts,
    }
    if last is not None:
        data["lastAttempt"] = last
    return event(
        EventType.EXECUTION_SUCCEEDED if is_success else EventType.EXECUTION_FAILED,
        path,
        id=f"{execution.id}/end",
        at=at,
        data=data,
        extensions={"executionid": execution.id},
    )


def skipped_event(
    path: JobPath, skipped: SkippedRange, *, is_open: bool, at: datetime
) -> CloudEvent:
    """Return what tells of skipped occurrences: once when the range opens, and once when it can grow no more."""
    return event(
        EventType.EXECUTION_SKIPPED,
        path,
        id=f"{skipped.id}/{'opened' if is_open else 'closed'}",
        at=at,
        data={
            "rangeId": skipped.id,
            "reason": skipped.reason,
            "firstExpectedExecutionTime": format_instant(skipped.first),
            "lastExpectedExecutionTime": format_instant(skipped.last),
            "isOpen": is_open,
        },
    )


def job_event(
    event_type: EventType,
    path: JobPath,
    *,
    document: JsonObject,
    cause: str,
    at: datetime,
    extensions: Mapping[str, ExtensionValue] = NO_EXTENSIONS,
) -> CloudEvent:
    """Return what tells of a change of a job; `document` is the job as it is answered, without secrets.

    `cause` is an id of what changed it: mostly a request, or the execution that ended it; `extensions` tell more of it.
    """
    return event(
        event_type,
        path,
        id=f"{cause}/{event_type.rpartition('.')[2]}",
        at=at,
        data=document,
        extensions=extensions,
    )


def event(
    event_type: EventType,
    path: JobPath,
    *,
    id: str,
    at: datetime,
    data: JsonObject,
    extensions: Mapping[str, ExtensionValue] = NO_EXTENSIONS,
) -> CloudEvent:
    return CloudEvent(
        id=id,
        source=path.source,
        type=event_type,
        subject=path.subject,
        time=at,
        dataschema=event_type.dataschema,
        data=data,
        extensions=extensions,
    )
