"""Whose ids of events are: the forms that the connector makes, and those of our engine, whatever jobs are called."""

import pytest

from shared.connector.event_ids import is_of_the_connector, named_operation

JOB = "/cloudservices/CS1/jobcollections/jc1/jobs"


@pytest.mark.parametrize(
    "event_id",
    [
        "commands/7/m1/rejected",
        "sqs:q/\n/rejected",
        "es1/x-1/end/deadlettered/3/1700000000000000",
        "es1//cloudservices/a/b/deadlettered/0/7",
        "es1/disabled/12",
        "es1/tested/0b5a",
        f"{JOB}/nightly/2026-01-01T00:00:00Z/MainAction/0/0",
        f"{JOB}/nightly/lost/2026-01-01T00:00:00Z/2026-01-02T00:00:00Z",
    ],
)
def test_forms_that_the_connector_makes_are_its_own(event_id: str) -> None:
    assert is_of_the_connector(event_id)


@pytest.mark.parametrize(
    "event_id",
    [
        "x-1/MainAction/0",
        "x-1/ErrorAction/12",
        "x-1/end",
        *(f"r-1/{job}/{word}" for job in ("tested", "disabled", "rejected", "j") for word in ("created", "disabled")),
        "x-1/completed",
        f"{JOB}/skipped/skipped/5/opened",
        f"{JOB}/lost/skipped/5/closed",
        "a",
    ],
)  # fmt: skip
def test_forms_of_an_engine_are_not(event_id: str) -> None:
    assert not is_of_the_connector(event_id)


def test_an_end_names_what_ended() -> None:
    assert named_operation("o-1/end") == "o-1"
    assert named_operation("x-1/MainAction/0") is None
