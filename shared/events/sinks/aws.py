"""Sinks in AWS: what sending to SNS, SQS and EventBridge has in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from shared.aws.clients import AwsClients
from shared.aws.refusals import AwsCallError, is_too_large, shown_code
from shared.clock import Clock
from shared.events.sink import (
    Delivered,
    HeldBack,
    Limits,
    NotDelivered,
    Outcome,
    OutgoingEvent,
)
from shared.events.sinks.calls import Caps, Entry, next_call

CALLS = 4
NO_ANSWER = "NoAnswer"
SHORTEST = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a service says about one entry."""

    code: object
    message: object = None


class Service(Protocol):
    """How one service is spoken to."""

    @property
    def name(self) -> str:
        """As boto3 calls it."""

    @property
    def region(self) -> str: ...

    @property
    def caps(self) -> Caps: ...

    @property
    def keeps_order(self) -> bool:
        """Whether its entries have groups."""

    def entry(self, position: int, event: OutgoingEvent) -> Entry: ...

    def request(self, entries: Sequence[Entry]) -> tuple[str, Mapping[str, Any]]:
        """Return the operation and its parameters; entries with an `Id` have their position there."""

    def refusals(
        self, entries: Sequence[Entry], answer: Mapping[str, Any]
    ) -> Mapping[int, Refusal]:
        """Return what was not taken, by position."""


class AwsSink:
    """Sends to one topic, queue or bus."""

    def __init__(
        self, service: Service, clients: AwsClients, clock: Clock, *, time_limit: timedelta
    ) -> None:
        self._service = service
        self._clients = clients
        self._clock = clock
        self._time_limit = time_limit

    @property
    def limits(self) -> Limits:
        caps = self._service.caps
        return Limits(
            events=caps.entries,
            bytes=caps.bytes,
            calls=1 if self._service.keeps_order else CALLS,
            keeps_order=self._service.keeps_order,
        )

    async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
        entries = [self._service.entry(position, event) for position, event in enumerate(events)]
        sending = Sending(self._service, entries)
        ends_at = self._clock.now() + self._time_limit
        while call := sending.next_call():
            left = ends_at - self._clock.now()
            if left < SHORTEST:
                break
            operation, parameters = self._service.request(call)
            try:
                answer = await self._clients.call(
                    self._service.name, self._service.region, operation, parameters, within=left
                )
            except AwsCallError as error:
                sending.note_failure(call, error)
            else:
                sending.note_answer(call, answer)
        return sending.outcomes()


class Sending:
    """One batch: what of it is still to be sent, and what became of the rest. Pure.

    A call that fails as a whole ends it, and what was not sent by then is not tried; but one that is too large is
    sent again, each entry alone.
    """

    def __init__(self, service: Service, entries: Sequence[Entry]) -> None:
        self._service = service
        self._most = service.caps.entries
        self._outcomes: list[Outcome] = [HeldBack()] * len(entries)
        self._left: list[Entry] = []
        self._held_groups: set[str] = set()
        for entry in entries:
            if entry.size > service.caps.bytes_alone:
                self._outcomes[entry.position] = too_large(entry.size)
            else:
                self._left.append(entry)

    def next_call(self) -> list[Entry]:
        """Return what to send next."""
        caps = self._service.caps
        allowed = [entry for entry in self._left if entry.group not in self._held_groups]
        return next_call(
            allowed,
            Caps(entries=self._most, bytes=caps.bytes, bytes_alone=caps.bytes_alone),
        )

    def note_answer(self, call: Sequence[Entry], answer: Mapping[str, Any]) -> None:
        """Note what a service said of each entry."""
        refusals = self._service.refusals(call, answer)
        for entry in call:
            refusal = refusals.get(entry.position)
            self._note(entry, Delivered() if refusal is None else self._refused(refusal))

    def note_failure(self, call: Sequence[Entry], error: AwsCallError) -> None:
        """Note that a call failed as a whole."""
        if error.is_too_large and len(call) > 1:
            self._most = 1
            return
        outcome = NotDelivered(error.message, is_permanent=error.is_too_large)
        for entry in call:
            self._note(entry, outcome)
        if not error.is_too_large:
            self._left = []

    def outcomes(self) -> Sequence[Outcome]:
        return self._outcomes

    def _refused(self, refusal: Refusal) -> NotDelivered:
        reason = f"{self._service.name} in {self._service.region}: {shown_code(refusal.code)}"
        return NotDelivered(reason, is_permanent=is_too_large(refusal.code, refusal.message))

    def _note(self, entry: Entry, outcome: Outcome) -> None:
        self._outcomes[entry.position] = outcome
        self._left = [other for other in self._left if other is not entry]
        is_due_again = isinstance(outcome, NotDelivered) and not outcome.is_permanent
        if entry.group is not None and is_due_again:
            self._held_groups.add(entry.group)


def too_large(size: int) -> NotDelivered:
    """Return what becomes of an event that no call can hold."""
    return NotDelivered(f"too large: {size} bytes with its attributes", is_permanent=True)


def refused_by_id(entries: Sequence[Entry], answer: Mapping[str, Any]) -> Mapping[int, Refusal]:
    """Return what SNS and SQS did not list as taken."""
    taken = {one.get("Id") for one in answer.get("Successful", ())}
    failed = {one.get("Id"): one for one in answer.get("Failed", ())}
    refusals: dict[int, Refusal] = {}
    for entry in entries:
        name = entry.content["Id"]
        if name in failed or name not in taken:
            told = failed.get(name, {})
            refusals[entry.position] = Refusal(told.get("Code", NO_ANSWER), told.get("Message"))
    return refusals
