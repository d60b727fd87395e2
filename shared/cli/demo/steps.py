"""The five steps of the demo, each through the real component."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.cli.demo.caller import Caller, end_of
from shared.cli.demo.expectation import Found, expect, wait_until
from shared.cli.demo.inbox import Arrival
from shared.cli.demo.stage import Stage
from shared.cli.demo.timeline import Timeline
from shared.clock import Clock

EXAMPLE = Path(__file__).parents[3] / "examples" / "nightly-report.json"
CLOUD_SERVICE = {"label": "Demo", "description": "Made by tocsin demo", "geoRegion": "West Europe"}
COLLECTION = {"plan": "Standard", "label": "Reports"}
COLLECTION_PATH = "/api/cloudservices/demo/jobcollections/reports"
JOB_PATH = f"{COLLECTION_PATH}/jobs/nightly-report"
RESTART_WITHIN = timedelta(seconds=10)
LEGEND = """verified: its signature fits; late: from what the event tells of to its arrival
after a start the first one waits until the HTTP client is loaded"""
ENUMERATION = re.compile(r"(\w+, )((?:\w+, ){3,}\w+)")


class Steps:
    """Runs on a stage that has not been started."""

    def __init__(self, stage: Stage, *, timeline: Timeline, clock: Clock) -> None:
        self._stage = stage
        self._timeline = timeline
        self._clock = clock

    async def run(self) -> None:
        await self.start_everything()
        async with self._stage.caller() as caller:
            await self.create_collection(caller)
            await self.put_nightly_report(caller)
            await self.send_what_is_wrong(caller)
            await self.kill_and_recover(caller)
        self.show_events()

    async def start_everything(self) -> None:
        self._timeline.step(1, "Start the Scheduler service, the local host and a webhook receiver")
        await self._stage.start_receiver()
        await self._stage.start_stack()
        await self._stage.show_authentication()

    async def create_collection(self, caller: Caller) -> None:
        self._timeline.step(2, "Create a cloud service and a job collection; register the webhook")
        registered = await caller.request(
            "POST", "/api/eventsubscriptions", body=self._stage.event_subscription()
        )
        expect(registered.status == 201, "201 for the event subscription", registered.body)
        service = await caller.accept("PUT", "/api/cloudservices/demo", body=CLOUD_SERVICE)
        await caller.succeeded(service)
        collection = await caller.accept("PUT", COLLECTION_PATH, body=COLLECTION)
        await caller.succeeded(collection)
        await caller.completion(service)
        await caller.completion(collection)

    async def put_nightly_report(self, caller: Caller) -> None:
        self._timeline.step(3, "Put the job of examples/nightly-report.json; delete another")
        job = nightly_report(self._clock.now())
        before = await caller.invocations("execute_operation")
        self._timeline.say("demo", f"startTime filled in: {job['startTime']}")
        put = await caller.accept("PUT", JOB_PATH, body=job)
        location = put.location if self._timeline.is_wide else end_of(put.location)
        self._timeline.say("connector", f"Operation-Location: {location}")
        operation = await caller.succeeded(put)
        runs = await caller.woken("execute_operation", since=before)
        self._timeline.say("queue", f"`operations` has woken execute_operation, runs: {runs}")
        http_status = operation.get("httpStatus")
        expect(http_status == 201, "201 from the Scheduler, by the client certificate", http_status)
        what = f"answered {http_status} to {put.name}'s REST call (client certificate shown)"
        self._timeline.say("scheduler", what)
        arrival = await caller.completion(put)
        expect(arrival.type == "tocsin.operation.succeeded", "it to tell of success", arrival.type)
        stored = await caller.read(JOB_PATH)
        expect(stored["id"] == "nightly-report", "the job back, by its id", stored)
        self._timeline.say("demo", f"read back: state {stored['state']}, {recurrence(stored)}")

        other = f"{COLLECTION_PATH}/jobs/short-lived"
        await caller.succeeded(await caller.accept("PUT", other, body=job))
        deleted = await caller.accept("DELETE", other)
        await caller.succeeded(deleted)
        await caller.completion(deleted)
        gone = await caller.request("GET", other)
        expect(gone.status == 404, "404 for the deleted job", gone.status)

    async def send_what_is_wrong(self, caller: Caller) -> None:
        self._timeline.step(4, "Send a malformed request, and a queue message that is no command")
        await self._send_malformed_job(caller)
        await self._send_bad_message(caller)

    async def kill_and_recover(self, caller: Caller) -> None:
        self._timeline.step(5, "Kill the stack between accepting and executing; start it again")
        path = "/api/cloudservices/survivor"
        collection = f"{path}/jobcollections/kept"
        job = nightly_report(self._clock.now())
        await caller.accept("PUT", path, body=CLOUD_SERVICE)
        await caller.accept("PUT", collection, body=COLLECTION)
        # The job waits for its collection, which takes a second and more to create: it cannot have been executed.
        put = await caller.accept("PUT", f"{collection}/jobs/nightly-report", body=job)
        status = await caller.status(put)
        expect(status == "NotStarted", "the job's operation NotStarted before the kill", status)
        await self._stage.kill_stack()
        killed_at = self._clock.now()
        await self._stage.start_stack()
        restarted_at = self._clock.now()
        await caller.succeeded(put, within=RESTART_WITHIN)
        after_kill, after_restart = (
            (self._clock.now() - instant).total_seconds() for instant in (killed_at, restarted_at)
        )
        what = (
            f"Succeeded {after_kill:.2f} s after the kill, {after_restart:.2f} s after the restart"
        )
        self._timeline.say("demo", what)
        await caller.completion(put)
        arrivals = self._stage.inbox.find(lambda arrival: arrival.operation_id == put.operation_id)
        expect(len(arrivals) == 1, "one completion event of the job", f"{len(arrivals)}")

    def show_events(self) -> None:
        columns: dict[str, Callable[[Arrival], str]] = {
            "#": lambda arrival: str(arrival.number),
            "arrived": lambda arrival: self._timeline.since_start(arrival.arrived_at).strip(),
            "late": lambda arrival: milliseconds(arrival.lateness),
            "type": lambda arrival: arrival.type,
            "subject": lambda arrival: arrival.subject,
        }
        if not self._timeline.is_wide:
            del columns["arrived"]
            columns["subject"] = lambda arrival: end_of(arrival.subject)
        rows = [
            tuple(cell(arrival) for cell in columns.values())
            for arrival in self._stage.inbox.arrivals
        ]
        self._timeline.table("Events at the webhook", tuple(columns), rows, note=LEGEND)

    async def _send_malformed_job(self, caller: Caller) -> None:
        malformed = {
            "action": {"type": "ftp", "request": {"method": "FETCH", "uri": "example.org/run"}},
            "recurrence": {"frequency": "fortnight", "interval": 0},
            "startTime": "tomorrow",
            "colour": "blue",
        }
        answer = await caller.request("PUT", JOB_PATH, body=malformed)
        expect(answer.status == 400, "400 for a malformed job", f"{answer.status}: {answer.body}")
        faults = [(fault["target"], fault["message"]) for fault in answer.body["error"]["details"]]
        expect(len(faults) > 1, "every fault of the job", faults)
        self._timeline.table(f"400 {answer.body['error']['code']}", ("JSON path", "fault"), faults)

    async def _send_bad_message(self, caller: Caller) -> None:
        content = b'{"command": "LaunchRocket", "resource": 7}'
        sent = await caller.request("POST", "/admin/queues/commands/messages", content=content)
        expect(sent.status in (201, 202), "the message to be taken", f"{sent.status}: {sent.body}")

        async def look() -> dict[str, Any] | Found:
            messages = await caller.peek("rejected")
            return messages[0] if messages else Found("the queue `rejected` is empty")

        expected = "the message in the queue `rejected`"
        with self._timeline.waiting(expected):
            message = await wait_until(
                expected, look, within=timedelta(seconds=10), clock=self._clock
            )
        properties = message["applicationProperties"]
        for name in ("DeadLetterReason", "DeadLetterErrorDescription"):
            expect(bool(properties.get(name)), f"a {name}", properties)
            self._timeline.say("queue", f"rejected: {name} = {shortened(properties[name])}")
        await caller.event(
            "tocsin.command.rejected at the webhook",
            lambda arrival: arrival.type == "tocsin.command.rejected",
        )


def nightly_report(now: datetime) -> dict[str, Any]:
    """Return the example's job, starting at the next 02:30 UTC."""
    job: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    start = now.astimezone(UTC).replace(hour=2, minute=30, second=0, microsecond=0)
    if start <= now:
        start += timedelta(days=1)
    return {**job, "startTime": f"{start:%Y-%m-%dT%H:%M:%SZ}"}


def recurrence(job: dict[str, Any]) -> str:
    rule = job["recurrence"]
    return f"every {rule.get('interval', 1)} {rule['frequency']} from {job['startTime']}"


def shortened(text: str) -> str:
    """Return the text with the first word of each long enumeration in it, and how many there are."""
    return ENUMERATION.sub(lambda found: f"{found[1]}… ({found[0].count(',') + 1})", text)


def milliseconds(duration: timedelta) -> str:
    return f"{duration.total_seconds() * 1000:.1f} ms"
