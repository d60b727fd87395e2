from dataclasses import replace

import pytest

from shared.scheduler.announcements import BY_SCHEDULE, JobPath
from shared.scheduler.ending import is_current, is_last, is_of_schedule
from shared.scheduler.execution_store import Progress, StoredExecution
from shared.scheduler.lifecycle import ExecutionState
from shared.wire.job import ActionName, JobState
from tests.clocks import START

SCHEDULED = StoredExecution(
    id="x1",
    job_id=1,
    generation=3,
    origin=BY_SCHEDULE,
    occurrence=START,
    path=JobPath(subscription="s", cloud_service="cs", job_collection="jc", job="j"),
    state=ExecutionState.RUNNING,
    action_name=ActionName.MAIN_ACTION,
    retry_count=0,
    recorded=0,
    repeat_count=1,
    started_at=START,
    attempt=1,
    due_at=START,
    leased_until=None,
)
ASKED_FOR = replace(SCHEDULED, origin="a request")
JOB = Progress(
    job_id=1,
    state=JobState.ENABLED,
    generation=3,
    counted_from=1,
    has_next=False,
    outstanding=1,
    active="x1",
    open_skip=None,
)
REDEFINED = replace(JOB, generation=4)


@pytest.mark.parametrize(
    ("row", "job", "is_wanted", "is_scheduled"),
    [
        (SCHEDULED, JOB, True, True),
        (SCHEDULED, REDEFINED, False, False),
        (ASKED_FOR, JOB, True, False),
        (ASKED_FOR, REDEFINED, True, False),
    ],
)
def test_what_was_asked_for_is_wanted_whatever_the_schedule_is_by_then(
    row: StoredExecution, job: Progress, is_wanted: bool, is_scheduled: bool
) -> None:
    assert is_current(row, job) is is_wanted
    assert is_of_schedule(row, job) is is_scheduled


@pytest.mark.parametrize(
    ("row", "job", "expected"),
    [
        (SCHEDULED, JOB, True),
        (SCHEDULED, replace(JOB, has_next=True), False),
        (SCHEDULED, replace(JOB, outstanding=2), False),
        (SCHEDULED, REDEFINED, False),
        (ASKED_FOR, JOB, False),
    ],
)
def test_a_job_ends_with_the_one_execution_that_is_left_of_its_schedule(
    row: StoredExecution, job: Progress, expected: bool
) -> None:
    assert is_last(row, job) is expected
