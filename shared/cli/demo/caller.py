"""What a user of the connector does: send, watch the operation, read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.cli.demo.expectation import PATIENCE, Found, expect, wait_until
from shared.cli.demo.timeline import Timeline
from shared.cli.demo.wording import end_of, name_of
from shared.cli.host_client import Answer, HostClient
from shared.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A 202: what was asked for, and where to watch it."""

    what: str
    operation_id: str
    location: str
    accepted_at: datetime

    @property
    def name(self) -> str:
        return name_of(self.operation_id)


class Caller:
    """Every call shows up in the timeline with what came back."""

    def __init__(self, client: HostClient, *, timeline: Timeline, clock: Clock) -> None:
        self._client = client
        self._timeline = timeline
        self._clock = clock

    async def request(
        self, method: str, path: str, *, body: object = None, content: bytes | None = None
    ) -> Answer:
        answer = await self._client.request(method, path, body=body, content=content)
        self._timeline.say("connector", f"{method} {self._shown(path)} → {answer.status}")
        return answer

    async def accept(self, method: str, path: str, *, body: object = None) -> Accepted:
        """Send a command and expect 202 with an operation to watch."""
        answer = await self._client.request(method, path, body=body)
        accepted_at = self._clock.now()
        expect(answer.status == 202, f"202 for {method} {path}", f"{answer.status}: {answer.body}")
        location = answer.headers.get("Operation-Location", "")
        expect(bool(location), "an Operation-Location in the 202", dict(answer.headers))
        accepted = Accepted(
            what=f"{method} {path}",
            operation_id=answer.body["id"],
            location=location,
            accepted_at=accepted_at,
        )
        self._timeline.say("connector", f"{method} {self._shown(path)} → 202, {accepted.name}")
        return accepted

    async def read(self, path: str) -> Any:
        """GET a resource that must be there."""
        answer = await self._client.request("GET", path)
        expect(answer.status == 200, f"200 for GET {path}", f"{answer.status}: {answer.body}")
        self._timeline.say("connector", f"GET {self._shown(path)} → 200")
        return answer.body

    async def peek(self, queue: str) -> list[dict[str, Any]]:
        """Return the messages that wait in a queue, without a line in the timeline: this is asked again and again."""
        path = f"/admin/queues/{queue}/messages"
        answer = await self._client.request("GET", path)
        expect(answer.status == 200, f"200 for GET {path}", f"{answer.status}: {answer.body}")
        messages: list[dict[str, Any]] = answer.body
        return messages

    async def invocations(self, function: str) -> int:
        """Return how often a function has ended well since the host started."""
        answer = await self._client.request("GET", "/admin/host/status")
        expect(answer.status == 200, "200 for the host's status", f"{answer.status}: {answer.body}")
        counts = {each["name"]: int(each["succeeded"]) for each in answer.body["functions"]}
        return counts[function]

    async def woken(self, function: str, *, since: int) -> int:
        """Wait until a function has ended well more often than `since`; returns how much more often."""

        async def look() -> int | Found:
            runs = await self.invocations(function) - since
            return runs if runs > 0 else Found("no run")

        expected = f"{function} to be woken by its queue"
        return await wait_until(expected, look, within=PATIENCE, clock=self._clock)

    async def status(self, accepted: Accepted) -> str:
        """Return the operation's status now, and show it."""
        answer = await self._client.request("GET", accepted.location)
        expect(answer.status == 200, f"200 for GET {accepted.location}", answer.status)
        self._show(accepted, answer.body["status"])
        return str(answer.body["status"])

    async def succeeded(
        self, accepted: Accepted, *, within: timedelta = PATIENCE
    ) -> dict[str, Any]:
        """Watch the operation until it is Succeeded, showing each change of its status; returns its last form."""
        seen: list[str] = []

        async def look() -> dict[str, Any] | Found:
            answer = await self._client.request("GET", accepted.location)
            found = f"{answer.status}: {answer.body}"
            expect(answer.status == 200, f"200 for GET {accepted.location}", found)
            status = str(answer.body["status"])
            if [status] != seen[-1:]:
                seen.append(status)
                self._show(accepted, status)
            expect(status not in ("Failed", "Canceled"), f"{accepted.what} Succeeded", found)
            operation: dict[str, Any] = answer.body
            return operation if status == "Succeeded" else Found(f"status {status}")

        with self._timeline.waiting(f"waiting for {accepted.what} to succeed"):
            expected = f"operation {accepted.operation_id} ({accepted.what}) Succeeded"
            return await wait_until(expected, look, within=within, clock=self._clock)

    def _show(self, accepted: Accepted, status: str) -> None:
        after = (self._clock.now() - accepted.accepted_at).total_seconds()
        what = f"{accepted.name} seen {status} {after:.3f} s after its 202"
        self._timeline.say("connector", what)

    def _shown(self, path: str) -> str:
        return path if self._timeline.is_wide else end_of(path)
