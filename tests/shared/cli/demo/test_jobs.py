"""The jobs that the demo puts; that they do what they are for is shown in tests/e2e/test_demo.py."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from shared.cli.demo.jobs import (
    EXAMPLE,
    RETRY_INTERVAL,
    broken_import,
    nightly_report,
    report_to,
    slow_export,
    soon,
)
from shared.wire.job import Job, time_faults
from shared.wire.json_types import parse_json
from shared.wire.model import read
from shared.wire.times import parse_duration

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
HALF_PAST_TWO = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
INSTANTS = st.timedeltas(timedelta(0), timedelta(days=30_000)).map(lambda after: BEGIN + after)
AHEAD = timedelta(seconds=2)
URL, ERROR_URL = "http://127.0.0.1:9000/actions/a", "http://127.0.0.1:9000/actions/b"


def every_job(now: datetime) -> list[dict[str, Any]]:
    start = soon(now, ahead=AHEAD)
    return [
        nightly_report(now),
        report_to(start, url=URL, error_url=ERROR_URL),
        broken_import(start, url=URL, error_url=ERROR_URL),
        slow_export(start, url=URL),
    ]


@example(HALF_PAST_TWO)
@given(INSTANTS)
def test_the_job_starts_at_the_first_half_past_two_that_is_still_to_come(now: datetime) -> None:
    start = datetime.fromisoformat(nightly_report(now)["startTime"])

    assert (start.hour, start.minute, start.second) == (2, 30, 0)
    assert timedelta(0) < start - now <= timedelta(days=1)


@given(INSTANTS)
def test_soon_is_a_whole_millisecond_at_most_that_much_ahead(now: datetime) -> None:
    start = soon(now, ahead=AHEAD)

    assert start.microsecond % 1000 == 0
    assert AHEAD - timedelta(milliseconds=1) < start - now <= AHEAD


@given(INSTANTS)
def test_every_job_is_one_that_the_service_takes(now: datetime) -> None:
    for job in every_job(now):
        assert time_faults(read(Job, job), now=now) == ()


def test_all_but_the_start_is_the_example() -> None:
    job = nightly_report(HALF_PAST_TWO)

    assert {name: job[name] for name in job if name != "startTime"} == parse_json(
        EXAMPLE.read_bytes()
    )


def test_all_but_the_start_and_the_targets_is_the_example() -> None:
    job = report_to(HALF_PAST_TWO, url=URL, error_url=ERROR_URL)

    stripped = nightly_report(HALF_PAST_TWO)
    for action, url in (
        (stripped["action"], URL),
        (stripped["action"]["errorAction"], ERROR_URL),
    ):
        action["type"] = "http"
        action["request"]["uri"] = url
    assert job == {**stripped, "startTime": "2026-01-01T02:30:00Z"}


def test_the_broken_import_waits_as_long_as_the_demo_tells() -> None:
    policy = broken_import(BEGIN, url=URL, error_url=ERROR_URL)["action"]["retryPolicy"]

    assert parse_duration(policy["retryInterval"]) == RETRY_INTERVAL
