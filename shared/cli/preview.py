"""When a job would run, by the very functions that the engine plans and claims with."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, islice

import typer

from shared.clock import SystemClock
from shared.errors import Fault, InvalidRequestError
from shared.scheduler.timing import Timing, after_start, claim, timing_of
from shared.settings import load_settings
from shared.wire.job import Job, JobState, time_faults
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.model import read
from shared.wire.times import format_instant, parse_instant


def print_preview(content: bytes, *, start_time: str | None, now: str | None, number: int) -> None:
    """Print the first `number` occurrences of the job in `content`, which is created at `now`."""
    created_at = SystemClock().now() if now is None else read_option("--now", now)
    if start_time is not None:
        read_option("--start", start_time)
    job = read_definition(content, start_time=start_time, now=created_at)
    if job.state is JobState.DISABLED:
        print("tocsin: the job is disabled and has no occurrences", file=sys.stderr)
        return
    delay = load_settings().run_now_delay
    found = upcoming(job, now=created_at, run_now_delay=delay)
    first = next(found, None)
    if first is None:
        print("tocsin: the job ends before its first occurrence and has none", file=sys.stderr)
        return
    for occurrence in islice(chain((first,), found), number):
        print(format_instant(occurrence))


def read_option(name: str, text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(f"{name} {error}") from None


def read_definition(content: bytes, *, start_time: str | None, now: datetime) -> Job:
    """Return the job in a classic document or in the `properties` of one for ARM; `start_time` replaces its own.

    Raises:
        InvalidRequestError: with every fault for which the service would refuse it at `now`.
    """
    path, definition = job_in(parse_json(content))
    if start_time is not None:
        kept = {name: value for name, value in definition.items() if name.lower() != "starttime"}
        definition = {**kept, "startTime": start_time}
    job = read(Job, definition, path=path)
    if faults := time_faults(job, now=now):
        raise InvalidRequestError(
            [replace(fault, path=fault.path.replace("$", path, 1)) for fault in faults]
        )
    return job


def job_in(document: Json) -> tuple[str, JsonObject]:
    """Return where the job stands in the document, and the job."""
    if not isinstance(document, dict):
        raise InvalidRequestError([Fault("$", "must be an object")])
    path, definition = "$", document
    for name, value in document.items():
        if name.lower() == "properties":
            if not isinstance(value, dict):
                raise InvalidRequestError([Fault("$.properties", "must be an object")])
            path, definition = "$.properties", value
    return path, definition


def upcoming(job: Job, *, now: datetime, run_now_delay: timedelta) -> Iterator[datetime]:
    """Yield the occurrences of a job that is defined at `now`, were each execution to start on time."""
    if job.state is JobState.DISABLED:
        return
    timing = timing_of(job, now=now, run_now_delay=run_now_delay)
    while timing.next_occurrence is not None:
        occurrence = timing.next_occurrence
        yield occurrence
        timing = after_claim(timing, at=occurrence)


def after_claim(timing: Timing, *, at: datetime) -> Timing:
    found = claim(timing, now=at)
    claimed = replace(timing, claimed=found.claimed, next_occurrence=found.next_occurrence)
    return after_start(claimed, started_at=at) if timing.drifts else claimed
