import json
from datetime import timedelta

import pytest

from shared.connector.history_announcements import attempt_event, attempt_id, lost_event
from shared.connector.history_looks import Lost, record_of
from shared.wire.job import JobHistory
from tests.clocks import START
from tests.event_conformance import check_event
from tests.shared.connector.history_server import record

NAMES = {"cloud_service": "Cs1", "job_collection": "jc1", "job": "nightly ☾"}
SOURCE = "/subscriptions/s"


def read(number: int, **members: object) -> JobHistory:
    found = record_of({**record(number, **members)})
    assert found is not None
    return found


@pytest.mark.parametrize(("status", "kind"), [("completed", "succeeded"), ("FAILED", "failed")])
def test_an_attempt_is_told_as_our_engine_tells_it(status: str, kind: str) -> None:
    event = json.loads(attempt_event(NAMES, read(1, status=status), source=SOURCE).encode())

    check_event(event)
    assert event["type"] == f"tocsin.attempt.{kind}"
    assert event["subject"].startswith("/cloudservices/Cs1/jobcollections/jc1/jobs/nightly")
    assert event["data"] == {**record(1), "status": status.lower()}


def test_what_is_lost_is_told_with_range_and_count() -> None:
    lost = Lost(since=START, until=START + timedelta(minutes=3), attempts=7)

    event = json.loads(lost_event(NAMES, lost, source=SOURCE).encode())

    check_event(event)
    assert event["data"]["missed"] == 7
    assert (event["data"]["job"], event["data"]["cloudService"]) == ("nightly ☾", "Cs1")


def test_two_records_never_have_one_id_and_one_record_never_two() -> None:
    others = [
        read(1),
        read(2),
        read(1, actionName="ErrorAction"),
        read(1, repeatCount=9),
        read(1, retryCount=1),
    ]

    assert len({attempt_id(NAMES, one) for one in others}) == len(others)
    assert attempt_id(NAMES, read(1)) == attempt_id({**NAMES, "job": "NIGHTLY ☾"}, read(1))
