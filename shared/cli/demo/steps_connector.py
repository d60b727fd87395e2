"""What the demo shows of the connector: accepting, executing, publishing, refusing, and outliving a kill."""

from datetime import timedelta
from typing import Any

from shared.cli.demo.expectation import PATIENCE, Found, expect, wait_until
from shared.cli.demo.jobs import nightly_report
from shared.cli.demo.on_stage import COLLECTION_PATH, NIGHTLY_REPORT, OnStage
from shared.cli.demo.wording import end_of, recurrence, shortened
from shared.wire.times import parse_instant

CLOUD_SERVICE = {"label": "Demo", "description": "Made by tocsin demo", "geoRegion": "West Europe"}
COLLECTION = {"plan": "Standard", "label": "Reports"}


class ConnectorSteps(OnStage):
    """What the connector does with commands, good and bad ones."""

    async def create_collection(self) -> None:
        registered = await self._caller.request(
            "POST", "/api/eventsubscriptions", body=self._stage.event_subscription()
        )
        expect(registered.status == 201, "201 for the event subscription", registered.body)
        service = await self._caller.accept("PUT", "/api/cloudservices/demo", body=CLOUD_SERVICE)
        await self._caller.succeeded(service)
        collection = await self._caller.accept("PUT", COLLECTION_PATH, body=COLLECTION)
        await self._caller.succeeded(collection)
        await self._watcher.completion(service)
        await self._watcher.completion(collection)

    async def put_nightly_report(self, job: dict[str, Any]) -> None:
        """Put the job and show every part of the path that it takes."""
        before = await self._caller.invocations("execute_operation")
        start = job["startTime"]
        at = self._timeline.since_start(parse_instant(start))
        self._timeline.say("demo", f"startTime filled in: {start}, which is {at}")
        put = await self._caller.accept("PUT", NIGHTLY_REPORT, body=job)
        location = put.location if self._timeline.is_wide else end_of(put.location)
        self._timeline.say("connector", f"Operation-Location: {location}")
        operation = await self._caller.succeeded(put)
        runs = await self._caller.woken("execute_operation", since=before)
        self._timeline.say(
            "queue", f"`operations` has woken execute_operation, runs since the PUT: {runs}"
        )
        http_status = operation.get("httpStatus")
        expect(http_status == 201, "201 from the Scheduler, by the client certificate", http_status)
        what = f"answered {http_status} to {put.name}'s REST call (client certificate shown)"
        self._timeline.say("scheduler", what)
        arrival = await self._watcher.completion(put)
        expect(arrival.type == "tocsin.operation.succeeded", "it to tell of success", arrival.type)
        stored = await self._caller.read(NIGHTLY_REPORT)
        expect(stored["id"] == "nightly-report", "the job back, by its id", stored)
        self._timeline.say("demo", f"read back: state {stored['state']}, {recurrence(stored)}")

    async def put_and_delete(self) -> None:
        path = f"{COLLECTION_PATH}/jobs/short-lived"
        job = nightly_report(self._clock.now())
        await self._caller.succeeded(await self._caller.accept("PUT", path, body=job))
        deleted = await self._caller.accept("DELETE", path)
        await self._caller.succeeded(deleted)
        await self._watcher.completion(deleted)
        gone = await self._caller.request("GET", path)
        expect(gone.status == 404, "404 for the deleted job", gone.status)

    async def send_malformed_job(self) -> None:
        malformed = {
            "action": {"type": "ftp", "request": {"method": "FETCH", "uri": "example.org/run"}},
            "recurrence": {"frequency": "fortnight", "interval": 0},
            "startTime": "tomorrow",
            "colour": "blue",
        }
        answer = await self._caller.request("PUT", NIGHTLY_REPORT, body=malformed)
        expect(answer.status == 400, "400 for a malformed job", f"{answer.status}: {answer.body}")
        faults = [(fault["target"], fault["message"]) for fault in answer.body["error"]["details"]]
        expect(len(faults) > 1, "every fault of the job", faults)
        self._timeline.table(f"400 {answer.body['error']['code']}", ("JSON path", "fault"), faults)

    async def send_bad_message(self) -> None:
        content = b'{"command": "LaunchRocket", "resource": 7}'
        sent = await self._caller.request(
            "POST", "/admin/queues/commands/messages", content=content
        )
        expect(sent.status in (201, 202), "the message to be taken", f"{sent.status}: {sent.body}")

        async def look() -> dict[str, Any] | Found:
            messages = await self._caller.peek("rejected")
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
        await self._watcher.event(
            "tocsin.command.rejected at the webhook",
            lambda arrival: arrival.type == "tocsin.command.rejected",
        )

    async def kill_before_executing(self) -> None:
        """Kill the stack when an operation is accepted and not begun, and see it carried out by the next one."""
        path = "/api/cloudservices/survivor"
        collection = f"{path}/jobcollections/kept"
        job = nightly_report(self._clock.now())
        await self._caller.accept("PUT", path, body=CLOUD_SERVICE)
        await self._caller.accept("PUT", collection, body=COLLECTION)
        # The job waits for its collection, which takes a second and more to create: it cannot have been executed.
        put = await self._caller.accept("PUT", f"{collection}/jobs/nightly-report", body=job)
        status = await self._caller.status(put)
        expect(status == "NotStarted", "the job's operation NotStarted before the kill", status)
        await self._stage.kill_stack()
        killed_at = self._clock.now()
        await self._stage.start_stack()
        restarted_at = self._clock.now()
        await self._caller.succeeded(put, within=PATIENCE)
        after_kill, after_restart = (
            (self._clock.now() - instant).total_seconds() for instant in (killed_at, restarted_at)
        )
        what = (
            f"Succeeded {after_kill:.2f} s after the kill, {after_restart:.2f} s after the restart"
        )
        self._timeline.say("demo", what)
        await self._watcher.completion(put)
        arrivals = self._stage.inbox.find(lambda arrival: arrival.operation_id == put.operation_id)
        expect(len(arrivals) == 1, "one completion event of the job", f"{len(arrivals)}")
