"""Previews: what is printed, and that the engine runs a job exactly then."""

import codecs
import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest

from shared.cli.preview import read_definition, upcoming
from shared.errors import InvalidRequestError
from shared.wire.arm_job import job_resource
from shared.wire.job import JobStatus, job_answer
from shared.wire.json_codec import encode_json
from shared.wire.json_types import Json, JsonObject
from shared.wire.times import format_instant
from tests.clocks import START, FakeClock
from tests.shared.cli.test_main import ROOT, tocsin
from tests.shared.scheduler.engine_stack import JOB, RUN_NOW_DELAY, open_engine

NOW = "2026-01-01T12:00:00Z"


def definition(**members: Json) -> bytes:
    return encode_json({**JOB, **members})


def previewed(content: bytes, number: int = 9) -> list[str]:
    job = read_definition(content, start_time=None, now=START)
    found: Iterator[datetime] = upcoming(job, now=START, run_now_delay=RUN_NOW_DELAY)
    return [format_instant(one) for one in islice(found, number)]


def schedule(frequency: str, **members: Json) -> JsonObject:
    return {"frequency": frequency, "schedule": members}


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"startTime": "2026-01-05T00:00:00Z"},
        {"recurrence": {"frequency": "hour", "interval": 7}},
        {"recurrence": {"frequency": "minute", "count": 3}},
        {"startTime": "2025-01-31T10:11:12.000013Z", "recurrence": {"frequency": "month"}},
        {"recurrence": schedule("day", hours=[5, 17], minutes=[0, 30])},
        {"recurrence": {**schedule("week", weekDays=["sunday"]), "count": 4}},
        {"startTime": "2025-12-30T12:00:07Z", "recurrence": schedule("week", hours=[1, 12])},
        {
            "startTime": "2026-01-01T12:00:00Z",
            "recurrence": {**schedule("month", monthDays=[1, -1]), "interval": 2},
        },
        {
            "startTime": "2026-03-01T00:00:00Z",
            "recurrence": {
                **schedule("month", monthlyOccurrences=[{"day": "friday", "occurrence": 5}]),
                "endTime": "2026-12-31T00:00:00Z",
            },
        },
        {"startTime": "2025-12-30T12:00:07Z", "recurrence": schedule("hour", minutes=[0, 59])},
    ],
)
async def test_the_engine_runs_a_job_exactly_when_its_preview_says(
    members: JsonObject, tmp_path: Path, clock: FakeClock
) -> None:
    expected = previewed(definition(**members))
    async with open_engine(tmp_path, clock) as stack:
        job = await stack.put("J", **members)
        ran: list[str] = []
        while (following := job.status.next_execution_time) and len(ran) < len(expected):
            ran.append(format_instant(following))
            clock.set(following)
            await stack.step()
            job = await stack.job("J")

    assert ran == expected
    assert len(stack.action.attempts) == len(ran)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_what_count_and_end_leave_is_all_there_is() -> None:
    daily: JsonObject = {"frequency": "day", "count": 2}
    ending: JsonObject = {"frequency": "day", "endTime": "2026-01-03T11:00:00Z"}

    assert previewed(definition(recurrence=daily)) == [
        "2026-01-01T12:00:20Z", "2026-01-02T12:00:20Z",
    ]  # fmt: skip
    assert previewed(definition(startTime="2026-01-01T10:00:00Z", recurrence=ending)) == [
        "2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z",
    ]  # fmt: skip


def test_the_definition_of_an_arm_template_is_read_where_it_stands() -> None:
    properties: JsonObject = {**JOB, "startTime": "2026-01-05T00:00:00Z", "state": "Enabled"}

    assert previewed(encode_json({"properties": properties, "location": "West Europe"})) == [
        "2026-01-05T00:00:00Z"
    ]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("name", ["properties", "Properties"])
def test_a_job_is_read_as_the_service_answered_it(name: str, mark: bytes) -> None:
    job = read_definition(definition(startTime="2026-01-05T00:00:00Z"), start_time=None, now=START)
    status = JobStatus(next_execution_time=START, execution_count=1)
    classic = job_answer(job.document(), id="J", status=status)
    resource = job_resource("G", "C", classic)
    arm: JsonObject = {each.replace("properties", name): resource[each] for each in resource}

    for answer in (classic, arm):
        assert previewed(mark + encode_json(answer)) == ["2026-01-05T00:00:00Z"]


def test_a_disabled_job_has_no_occurrences() -> None:
    assert previewed(definition(state="disabled")) == []


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (
            encode_json({"properties": {"recurrence": {"frequency": "year", "count": -1}}}),
            [
                "$.properties.action",
                "$.properties.recurrence.frequency",
                "$.properties.recurrence.count",
            ],
        ),
        (
            encode_json({"properties": {**JOB, "startTime": "2036-01-01T00:00:00Z"}}),
            ["$.properties.startTime"],
        ),
        (
            definition(
                startTime="2036-01-01T00:00:00Z",
                recurrence={"frequency": "day", "endTime": "2025-01-01T00:00:00Z"},
            ),
            ["$.startTime", "$.recurrence.endTime"],
        ),
        (
            definition(
                startTime="2026-02-01T00:00:00Z",
                recurrence={**schedule("month", monthDays=[31]), "interval": 12},
            ),
            ["$.recurrence.schedule.monthDays"],
        ),
        (b"[]", ["$"]),
        (b'{"properties": 1}', ["$.properties"]),
        (b"{", ["$"]),
    ],
)
def test_every_fault_that_the_service_would_find_is_told(content: bytes, paths: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_definition(content, start_time=None, now=START)

    assert sorted(fault.path for fault in caught.value.faults) == sorted(paths)


def test_a_start_that_is_given_replaces_the_jobs_own() -> None:
    content = definition(StartTime="soon", recurrence={"frequency": "day"})

    job = read_definition(content, start_time="2026-01-07T00:00:00+01:00", now=START)

    assert job.start_time is not None
    assert format_instant(job.start_time) == "2026-01-06T23:00:00Z"


def test_the_command_prints_an_instant_a_line(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_bytes(definition(recurrence=schedule("day", minutes=[30], hours=[2])))

    shown = tocsin("preview", str(file), "--now", NOW, "-n", "3")
    moved = tocsin("preview", "-", "--now", NOW, "--start", NOW, stdin=file.read_bytes())

    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.decode().splitlines() == [
        "2026-01-01T12:00:20Z", "2026-01-02T02:30:00Z", "2026-01-03T02:30:00Z",
    ]  # fmt: skip
    lines = moved.stdout.decode().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (
        20, "2026-01-02T02:30:00Z", "2026-01-21T02:30:00Z",
    )  # fmt: skip


def test_the_reference_shows_what_the_command_prints() -> None:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text()
    command, *lines = text.partition("$ ./tocsin ")[2].partition("```")[0].splitlines()
    preview, file, *options = command.split()

    shown = tocsin(preview, str(ROOT / file), *options)

    assert preview == "preview"
    assert shown.stdout.decode().splitlines() == lines


def test_the_command_says_that_a_disabled_job_does_not_run() -> None:
    shown = tocsin("preview", "-", stdin=definition(state="disabled"))

    assert (shown.returncode, shown.stdout) == (0, b"")
    assert shown.stderr.decode() == "tocsin: the job is disabled and has no occurrences\n"


def test_the_command_says_that_a_job_ends_before_it_begins() -> None:
    ending: JsonObject = {"frequency": "day", "endTime": "2026-01-02T00:00:00Z"}
    content = definition(startTime="2026-01-03T00:00:00Z", recurrence=ending)

    shown = tocsin("preview", "-", "--now", NOW, stdin=content)

    assert (shown.returncode, shown.stdout) == (0, b"")
    assert shown.stderr.decode() == (
        "tocsin: the job ends before its first occurrence and has none\n"
    )


@pytest.mark.parametrize(
    ("arguments", "content", "code", "said"),
    [
        ((), {"frequency": "week", "schedule": {"monthDays": []}}, 1, "with recurrence unit 'Week'"),
        ((), {"frequency": "year", "count": -1}, 1, "$.recurrence.count"),
        (("--start", "soon"), {"frequency": "day"}, 2, "--start must be an ISO 8601 instant"),
        (("--now", "soon"), {"frequency": "day"}, 2, "--now must be an ISO 8601 instant"),
        (("-n", "0"), {"frequency": "day"}, 2, "-n"),
    ],
)  # fmt: skip
def test_the_command_tells_what_is_wrong(
    arguments: tuple[str, ...], content: JsonObject, code: int, said: str
) -> None:
    shown = tocsin(
        "preview", "-", *arguments, stdin=json.dumps({**JOB, "recurrence": content}).encode()
    )

    assert (shown.returncode, shown.stdout) == (code, b"")
    assert said in shown.stderr.decode()
    assert "Traceback" not in shown.stderr.decode()
