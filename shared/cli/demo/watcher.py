"""Waiting for what comes to the receiver: events, and the requests of actions."""

from collections.abc import Callable, Collection
from datetime import timedelta

from shared.cli.demo.action_log import ActionLog, ActionRequest, Departure
from shared.cli.demo.caller import Accepted
from shared.cli.demo.expectation import PATIENCE, Found, wait_until
from shared.cli.demo.inbox import Arrival, Inbox
from shared.cli.demo.timeline import Timeline
from shared.clock import Clock

ENDS = frozenset({"tocsin.execution.succeeded", "tocsin.execution.failed"})


class Watcher:
    """Each wait shows in a terminal what it is for, and fails with what came instead."""

    def __init__(
        self, inbox: Inbox, actions: ActionLog, *, timeline: Timeline, clock: Clock
    ) -> None:
        self._inbox = inbox
        self._actions = actions
        self._timeline = timeline
        self._clock = clock

    async def event(self, expected: str, is_wanted: Callable[[Arrival], bool]) -> Arrival:
        """Wait until the receiver has the event."""

        async def look() -> Arrival | Found:
            matching = self._inbox.find(is_wanted)
            if matching:
                return matching[0]
            return Found(f"{len(self._inbox.arrivals)} other events at the receiver")

        with self._timeline.waiting(f"waiting for {expected}"):
            return await wait_until(expected, look, within=PATIENCE, clock=self._clock)

    async def completion(self, accepted: Accepted) -> Arrival:
        """Wait until the receiver has the operation's completion event."""
        return await self.event(
            f"the completion event of {accepted.what} at the webhook",
            lambda arrival: arrival.operation_id == accepted.operation_id,
        )

    async def event_of(self, event_type: str, execution_id: str) -> Arrival:
        """Wait for an event of this type about the execution, or about the job that ended with it."""
        return await self.event(
            f"{event_type} of execution {execution_id} at the webhook",
            lambda arrival: arrival.type == event_type and arrival.execution_id == execution_id,
        )

    async def request(
        self, name: str, *, number: int = 1, within: timedelta = PATIENCE
    ) -> ActionRequest:
        """Wait until the target has had the `number`th request for `/actions/{name}`, and return it."""
        expected = f"request {number} at the target /actions/{name}"

        async def look() -> ActionRequest | Found:
            requests = self._actions.named(name)
            found = f"{len(requests)} there, {len(self._actions.requests)} at all targets"
            return requests[number - 1] if len(requests) >= number else Found(found)

        with self._timeline.waiting(f"waiting for {expected}"):
            return await wait_until(expected, look, within=within, clock=self._clock)

    async def departure(self, request: ActionRequest) -> Departure:
        """Wait until the target knows that the caller is gone and has no answer."""

        async def look() -> Departure | Found:
            return self._actions.departure(request) or Found("its caller there, or answered")

        expected = f"the caller of /actions/{request.name} to be gone before its answer"
        return await wait_until(expected, look, within=PATIENCE, clock=self._clock)

    async def everything(self, event_ids: Collection[str]) -> None:
        """Wait until the receiver has each of these events."""

        async def look() -> bool | Found:
            missing = set(event_ids) - {arrival.event["id"] for arrival in self._inbox.arrivals}
            return not missing or Found(f"all but {', '.join(sorted(missing))}")

        expected = f"the {len(event_ids)} events of the log at the webhook"
        await wait_until(expected, look, within=PATIENCE, clock=self._clock)

    def ends(self, execution_id: str) -> list[Arrival]:
        """Return the events by which the execution ended."""
        return self._inbox.find(
            lambda arrival: arrival.type in ENDS and arrival.execution_id == execution_id
        )
