"""The job that the demo puts; the steps themselves run in tests/e2e/test_demo.py."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.cli.demo.steps import EXAMPLE, nightly_report, shortened
from shared.wire.job import Job, time_faults
from shared.wire.json_types import parse_json
from shared.wire.model import read

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
HALF_PAST_TWO = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
INSTANTS = st.timedeltas(timedelta(0), timedelta(days=30_000)).map(lambda after: BEGIN + after)


@example(HALF_PAST_TWO)
@given(INSTANTS)
def test_the_job_starts_at_the_first_half_past_two_that_is_still_to_come(now: datetime) -> None:
    start = datetime.fromisoformat(nightly_report(now)["startTime"])

    assert (start.hour, start.minute, start.second) == (2, 30, 0)
    assert timedelta(0) < start - now <= timedelta(days=1)


@given(INSTANTS)
def test_the_job_is_one_that_the_service_takes(now: datetime) -> None:
    assert time_faults(read(Job, nightly_report(now)), now=now) == ()


def test_all_but_the_start_is_the_example() -> None:
    job = nightly_report(datetime(2026, 1, 1, tzinfo=UTC))

    assert {name: job[name] for name in job if name != "startTime"} == parse_json(
        EXAMPLE.read_bytes()
    )


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("must be one of A, B, C, D, E", "must be one of A, … (5)"),
        ("must be one of http, https", "must be one of http, https"),
        ("$.x: is missing; $.y: is missing", "$.x: is missing; $.y: is missing"),
    ],
)
def test_only_a_long_enumeration_is_shortened(text: str, short: str) -> None:
    assert shortened(text) == short
