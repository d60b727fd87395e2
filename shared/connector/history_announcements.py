"""The events of a history that another Scheduler keeps: those that our engine would push, as far as it tells them."""

from collections.abc import Mapping

from shared.connector.history_looks import Lost
from shared.events.cloudevent import CloudEvent
from shared.events.event_types import EventType
from shared.wire.catalogue import CATALOGUE
from shared.wire.job import JobExecutionStatus, JobHistory
from shared.wire.routing import resource_path
from shared.wire.times import format_instant

ATTEMPT_EVENTS: Mapping[JobExecutionStatus, EventType] = {
    JobExecutionStatus.COMPLETED: EventType.ATTEMPT_SUCCEEDED,
    JobExecutionStatus.FAILED: EventType.ATTEMPT_FAILED,
}


def job_path(names: Mapping[str, str]) -> str:
    """Return the subject of a job's events; `names` has the cloud service, the collection and the job."""
    return resource_path(CATALOGUE["GetJob"], names)


def attempt_id(names: Mapping[str, str], record: JobHistory) -> str:
    """Return the id of the event of one record: what no other record of the job has (DESIGN §8)."""
    started, action = format_instant(record.start_time), record.action_name.value
    return (
        f"{job_path(names).lower()}/{started}/{action}/{record.repeat_count}/{record.retry_count}"
    )


def attempt_event(names: Mapping[str, str], record: JobHistory, *, source: str) -> CloudEvent:
    """Return what tells of one record; its execution, and for when it was planned, its server does not say."""
    event_type = ATTEMPT_EVENTS[record.status]
    return CloudEvent(
        id=attempt_id(names, record),
        source=source,
        type=event_type,
        subject=job_path(names),
        time=record.end_time,
        dataschema=event_type.dataschema,
        data=record.document(),
    )


def lost_event(names: Mapping[str, str], lost: Lost, *, source: str) -> CloudEvent:
    """Return what tells of records that a server dropped between two looks."""
    event_type = EventType.HISTORY_LOST
    since, until = format_instant(lost.since), format_instant(lost.until)
    return CloudEvent(
        id=f"{job_path(names).lower()}/lost/{since}/{until}",
        source=source,
        type=event_type,
        subject=job_path(names),
        time=lost.until,
        dataschema=event_type.dataschema,
        data={
            "cloudService": names["cloud_service"],
            "jobCollection": names["job_collection"],
            "job": names["job"],
            "from": since,
            "to": until,
            "missed": lost.attempts,
        },
    )
