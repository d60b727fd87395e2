"""What the demo shows of the engine: a job fires, is run on request, fails, and outlives a kill."""

from datetime import datetime, timedelta
from typing import Any

from shared.cli.demo.action_log import ActionRequest
from shared.cli.demo.expectation import PATIENCE, expect
from shared.cli.demo.jobs import (
    RETRY_INTERVAL,
    broken_import,
    report_to,
    slow_export,
    soon,
)
from shared.cli.demo.on_stage import COLLECTION_PATH, NIGHTLY_REPORT, OnStage
from shared.cli.demo.wording import milliseconds
from shared.wire.times import parse_instant

BROKEN_IMPORT = f"{COLLECTION_PATH}/jobs/broken-import"
SLOW_EXPORT = f"{COLLECTION_PATH}/jobs/slow-export"
AHEAD = timedelta(seconds=2)
"""From putting a job to its startTime: long enough for a slow machine to store it before."""
FAILED_IMPORT = ["MainAction failed", "MainAction failed", "ErrorAction completed"]


class EngineSteps(OnStage):
    """What the engine does with three jobs."""

    def nightly_report(self) -> dict[str, Any]:
        """Return the example's job, to start in two seconds, with the receiver as its target."""
        return report_to(
            self._soon(),
            url=self._stage.action_url("nightly-report"),
            error_url=self._stage.action_url("nightly-report-failed"),
        )

    async def put_broken_import(self) -> None:
        job = broken_import(
            self._soon(),
            url=self._stage.action_url("broken-import?status=500"),
            error_url=self._stage.action_url("broken-import-failed"),
        )
        await self._caller.succeeded(await self._caller.accept("PUT", BROKEN_IMPORT, body=job))
        what = "target answers 500; 1 retry after 15 s, then the error action"
        self._timeline.say("demo", f"broken-import: {what}")

    async def watch_the_report_fire(self, job: dict[str, Any]) -> None:
        planned = parse_instant(job["startTime"])
        request = await self._watcher.request("nightly-report")
        expect(request.expected_at == planned, f"the occurrence of {planned}", request.headers)
        sent = job["action"]["request"]
        expect(request.body == sent["body"], "the action's body at its target", request.body)
        report = request.headers.get("x-report")
        expect(report == sent["headers"]["X-Report"], "the action's header X-Report", report)
        what = f"X-Report: {report}, Idempotency-Key: {request.execution_id}"
        self._timeline.say("target", what, at=request.arrived_at)
        attempt = await self._watcher.event_of("tocsin.attempt.succeeded", request.execution_id)
        await self._watcher.event_of("tocsin.execution.succeeded", request.execution_id)
        [record] = await self._history(NIGHTLY_REPORT, 1)
        told = attempt.event["data"]
        expect(told.items() >= record.items(), "the record of the history in the event", told)
        self._show_record(record, planned=planned)

    async def watch_the_import_fail(self) -> None:
        """See the first attempt; the retry comes while other steps run."""
        request = await self._watcher.request("broken-import")
        await self._watcher.event_of("tocsin.attempt.failed", request.execution_id)
        self._say_retry(request)

    async def run_the_report(self) -> None:
        """Ask for a run by RunJob; the schedule stays as it is."""
        planned = next_execution(await self._caller.read(NIGHTLY_REPORT))
        await self._caller.succeeded(await self._caller.accept("POST", f"{NIGHTLY_REPORT}/run"))
        request = await self._watcher.request("nightly-report", number=2)
        end = await self._watcher.event_of("tocsin.execution.succeeded", request.execution_id)
        origin = end.event["data"]["origin"]
        expect(origin != "schedule", "an execution that a request asked for", origin)
        next_one = next_execution(await self._caller.read(NIGHTLY_REPORT))
        expect(next_one == planned, f"the next occurrence to stay {planned}", next_one)
        self._timeline.say("demo", f"run once more; the next occurrence stays {next_one}")

    async def kill_while_an_action_runs(self) -> None:
        """Kill the stack when the target has the request and has not answered."""
        job = slow_export(self._soon(), url=self._stage.action_url("slow-export?delay=3"))
        await self._caller.succeeded(await self._caller.accept("PUT", SLOW_EXPORT, body=job))
        cut_off = await self._watcher.request("slow-export")
        await self._stage.kill_stack()
        await self._watcher.departure(cut_off)
        await self._stage.start_stack()
        await self._watcher.request("slow-export", number=2)
        await self._watcher.event_of("tocsin.execution.succeeded", cut_off.execution_id)
        await self._watcher.event_of("tocsin.job.completed", cut_off.execution_id)
        [record] = await self._history(SLOW_EXPORT, 1)
        expect(record["status"] == "completed", "the repeat in the history", record)
        requests = self._stage.actions.named("slow-export")
        keys = {request.execution_id for request in requests}
        expect(keys == {cut_off.execution_id}, "one Idempotency-Key", keys)
        ends = self._watcher.ends(cut_off.execution_id)
        expect(len(ends) == 1, "one event of the execution's end", [end.type for end in ends])
        what = f"{len(requests)} requests, 1 Idempotency-Key, 1 record, 1 end of the execution"
        self._timeline.say("demo", what)

    async def watch_the_import_end(self) -> None:
        """See the retry, the error action, and what is told of them."""
        first = await self._watcher.request("broken-import")
        self._say_retry(first)
        retry = await self._watcher.request(
            "broken-import", number=2, within=RETRY_INTERVAL + PATIENCE
        )
        waited = retry.arrived_at - first.arrived_at
        expect(waited >= RETRY_INTERVAL, f"the retry {RETRY_INTERVAL} later", waited)
        told = await self._watcher.request("broken-import-failed")
        for request, attempt in ((first, 1), (retry, 2), (told, 3)):
            expect_attempt(request, attempt, execution_id=first.execution_id)
        await self._watcher.event_of("tocsin.execution.failed", first.execution_id)
        await self._watcher.event_of("tocsin.job.faulted", first.execution_id)
        records = await self._history(BROKEN_IMPORT, 3)
        tries = [f"{record['actionName']} {record['status']}" for record in reversed(records)]
        expect(tries == FAILED_IMPORT, ", ".join(FAILED_IMPORT), tries)
        self._timeline.say("demo", f"history: {', '.join(tries)}")
        job = await self._caller.read(BROKEN_IMPORT)
        expect(job["state"] == "faulted", "the job faulted", job)
        self._timeline.say("demo", f"read back: state {job['state']}, {counters(job)}")

    def _soon(self) -> datetime:
        return soon(self._clock.now(), ahead=AHEAD)

    async def _history(self, job_path: str, count: int) -> list[dict[str, Any]]:
        """Read the history, which must have so many records."""
        records: list[dict[str, Any]] = await self._caller.read(f"{job_path}/history")
        expect(len(records) == count, f"{count} records in the history of {job_path}", records)
        return records

    def _say_retry(self, first: ActionRequest) -> None:
        due = self._timeline.since_start(first.arrived_at + RETRY_INTERVAL)
        self._timeline.say("demo", f"the retry of broken-import is due at {due}")

    def _show_record(self, record: dict[str, Any], *, planned: datetime) -> None:
        expect(record["status"] == "completed", "a record of success", record)
        lateness = parse_instant(record["startTime"]) - planned
        expect(lateness >= timedelta(0), "a start that is not early", lateness)
        what = f"{record['actionName']} {record['status']}, started {milliseconds(lateness)} late"
        self._timeline.say("demo", f"history: {what}")
        begin = record["message"].partition(" Response Headers")[0]
        self._timeline.say("demo", f"its message: {begin} …")


def expect_attempt(request: ActionRequest, attempt: int, *, execution_id: str) -> None:
    expect(request.attempt == attempt, f"attempt {attempt} at {request.name}", request.attempt)
    is_same = request.execution_id == execution_id
    expect(is_same, f"Idempotency-Key {execution_id}", request.execution_id)


def next_execution(job: dict[str, Any]) -> str:
    return str(job["status"]["nextExecutionTime"])


def counters(job: dict[str, Any]) -> str:
    names = ("executionCount", "failureCount", "faultedCount")
    return ", ".join(f"{name} {job['status'][name]}" for name in names)
