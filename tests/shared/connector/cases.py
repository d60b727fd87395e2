"""Answers to operations in each of their phases, and what was decided on them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.client.scheduler import RestResponse
from shared.connector.case import Case, Step
from shared.connector.operations import (
    Assignment,
    Ended,
    Later,
    Operation,
    OperationStatus,
    Phase,
    Progress,
)
from shared.wire.catalogue import CATALOGUE
from shared.wire.json_types import Json
from shared.wire.operation import Operation as ServiceOperation
from shared.wire.operation import OperationStatus as ServiceStatus
from shared.wire.xml_codec import encode_operation
from tests.shared.connector.servers import answer

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEADLINE = NOW + timedelta(hours=24)
SECOND = timedelta(seconds=1)
PUT_JOB, DELETE_JOB, RUN_JOB = "CreateOrUpdateJob", "DeleteJob", "RunJob"
PUT_COLLECTION, DELETE_COLLECTION = "CreateJobCollection", "DeleteJobCollection"
LIST_JOBS, DISABLE = "ListJobs", "DisableJobCollection"
RESOURCES = {
    PUT_JOB: "/cloudservices/cs/jobcollections/jc/jobs/j",
    DELETE_JOB: "/cloudservices/cs/jobcollections/jc/jobs/j",
    RUN_JOB: "/cloudservices/cs/jobcollections/jc/jobs/j",
    PUT_COLLECTION: "/cloudservices/cs/jobcollections/jc",
    DELETE_COLLECTION: "/cloudservices/cs/jobcollections/jc",
    "CreateOrUpdateCloudService": "/cloudservices/cs",
    "UpdateJobCollection": "/cloudservices/cs/jobcollections/jc",
    "EntitleResource": "/entitlements",
    "RegisterResourceProvider": "/providers/scheduler.jobcollections",
    LIST_JOBS: "/cloudservices/cs/jobcollections/jc/jobs",
    DISABLE: "/cloudservices/cs/jobcollections/jc",
    "EnableJobCollection": "/cloudservices/cs/jobcollections/jc",
    "SetJobsState": "/cloudservices/cs/jobcollections/jc/jobs",
}
REQUEST_ID = "0123456789abcdef0123456789abcdef"
UNTRIED = Progress()
POLLING = Progress(phase=Phase.POLL, request_id=REQUEST_ID)
SETTLING = Progress(phase=Phase.SETTLE)
VERIFYING = Progress(phase=Phase.VERIFY, is_outcome_unknown=True)
UNKNOWN = Progress(is_outcome_unknown=True)
JOB_BODY: Json = {"action": {"type": "http", "request": {"method": "GET", "uri": "http://e.org/"}}}


def case(
    command: str = PUT_JOB,
    progress: Progress = UNTRIED,
    *,
    now: datetime = NOW,
    sent: Json = None,
    chance: float = 1.0,
) -> Case:
    operation = Operation(
        id="op1",
        command=command,
        resource=RESOURCES[command],
        status=OperationStatus.RUNNING,
        caller="key",
        requested_at=NOW,
    )
    assignment = Assignment(
        operation=operation,
        sealed_body=None,
        if_match=None,
        first_sent_at=NOW,
        deadline_at=DEADLINE,
        progress=progress,
        leases=1,
    )
    return Case(
        endpoint=CATALOGUE[command],
        sent=sent,
        assignment=assignment,
        now=now,
        chance=chance,
        recognises_repeats=True,
    )


def at_another_server(present: Case, *, if_match: str | None = None) -> Case:
    """Return the case at a server that does not recognise repeats."""
    assignment = replace(present.assignment, if_match=if_match)
    return replace(present, assignment=assignment, recognises_repeats=False)


def status_answer(status: ServiceStatus, **members: Any) -> RestResponse:
    return answer(200, encode_operation(ServiceOperation(id=REQUEST_ID, status=status, **members)))


def ended(step: Step) -> Ended:
    assert isinstance(step, Ended)
    return step


def later(step: Step) -> Later:
    assert isinstance(step, Later)
    return step


def code_of(step: Step) -> str:
    error = ended(step).error
    assert error is not None
    return error.code
