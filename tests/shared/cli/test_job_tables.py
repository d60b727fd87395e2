import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from shared.cli.job_tables import (
    action_text,
    history_table,
    job_facts,
    jobs_table,
    recurrence_text,
)
from tests.clocks import START

JOB: dict[str, Any] = {
    "id": "a-job-with-quite-a-long-name-\x1b[2J",
    "state": "enabled",
    "startTime": "2026-01-01T00:00:00Z",
    "action": {
        "type": "https",
        "request": {"method": "POST", "uri": "https://reports.example.org/nightly"},
        "errorAction": {
            "type": "storageQueue",
            "queueMessage": {"storageAccount": "acc", "queueName": "q", "sasToken": "?sig=secret"},
        },
    },
    "recurrence": {"frequency": "day"},
    "status": {
        "nextExecutionTime": "2026-01-01T15:00:00Z",
        "lastExecutionTime": "2026-01-01T11:58:00Z",
        "executionCount": 12345,
        "failureCount": 3,
        "faultedCount": 0,
    },
}
RECORD: dict[str, Any] = {
    "startTime": "2026-01-01T11:58:00Z",
    "endTime": "2026-01-01T11:58:01.5Z",
    "status": "failed",
    "actionName": "ErrorAction",
    "repeatCount": 7,
    "retryCount": 2,
    "message": "Http Action - Response from host 'a': 'OK' Response Headers: Date: x\r\n Body: secret",
}


def drawn(table: RenderableType, width: int = 80) -> list[str]:
    output = io.StringIO()
    Console(file=output, width=width).print(table)
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    return lines


def test_a_job_is_a_line_with_its_next_and_last_execution() -> None:
    lines = drawn(jobs_table([JOB], START), 100)

    assert lines[-1].split()[1:] == ["enabled", "in", "3h", "2m", "ago", "12345", "3", "0"]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_jobs_and_attempts_fit_their_terminal(width: int) -> None:
    drawn(jobs_table([JOB, {"id": "b"}], START), width)
    drawn(history_table([RECORD, {}], START), width)
    drawn(job_facts(JOB, START), width)


def test_a_job_is_told_in_facts_without_its_secrets() -> None:
    lines = drawn(job_facts(JOB, START))

    assert "action        POST https://reports.example.org/nightly" in lines
    assert "error action  storageQueue acc/q" in lines
    assert "next          2026-01-01T15:00:00Z (in 3h)" in lines
    assert "runs          12345, 3 failed, 0 faulted" in lines


def test_an_attempt_is_a_point_on_a_line_of_time_without_what_the_answer_said() -> None:
    (line,) = drawn(history_table([RECORD], START), 130)[2:]

    assert line.split()[:8] == ["2026-01-01", "11:58:00", "2m", "○", "1.5s", "failed", "7", "2"]
    assert line.endswith("Http Action - Response from host 'a': 'OK'")


def test_on_a_narrow_terminal_what_an_attempt_says_has_the_room_of_its_numbers() -> None:
    first, second = drawn(history_table([RECORD], START), 80)[2:]

    assert first == "2026-01-01 11:58:00   ○   failed after 1.5s, run 7, try 2"
    assert second == "2m ago                    Http Action - Response from host 'a': 'OK'"


def test_on_a_narrow_terminal_a_long_name_stays_whole() -> None:
    job = {**JOB, "id": "a-job-with-a-name-that-is-as-long-as-the-terminal-has-columns-left"}

    name, times, runs = drawn(jobs_table([job], START), 80)[2:]

    assert name == f"enabled   {job['id']}"
    assert times.strip() == "next in 3h, last 2m ago"
    assert runs.strip() == "runs 12345, 3 failed, 0 faulted"


@pytest.mark.parametrize(
    ("recurrence", "text"),
    [
        (None, "once"),
        ({"frequency": "minute", "interval": 1}, "every minute"),
        ({"frequency": "hour", "interval": 6, "count": 3}, "every 6 hours, 3 times"),
        (
            {"frequency": "week", "schedule": {"weekDays": ["monday", "friday"], "hours": [2]}},
            "every week, weekDays monday friday, hours 2",
        ),
        (
            {
                "frequency": "month",
                "endTime": "2027-01-01",
                "schedule": {"monthlyOccurrences": [{"day": "friday", "Occurrence": -1}]},
            },
            "every month, monthlyOccurrences friday -1, until 2027-01-01",
        ),
    ],
)
def test_recurrence_is_told_in_words(recurrence: dict[str, Any] | None, text: str) -> None:
    assert recurrence_text(recurrence) == text


def test_an_action_is_told_by_where_it_leads() -> None:
    message = {"namespace": "ns", "topicPath": "t", "authentication": {"sasKey": "secret"}}

    assert action_text({"type": "serviceBusTopic", "serviceBusTopicMessage": message}) == (
        "serviceBusTopic ns/t"
    )
    assert action_text({}) == ""
