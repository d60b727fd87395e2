"""Deliveries that were given up: `tocsin deadletters … --event-subscription ID`."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from shared.cli.delivery_tables import letter_facts, letters_table, summary_table
from shared.cli.stack_client import StackClient, segment
from shared.cli.terminal import many, print_json, show
from shared.clock import Clock
from shared.errors import NotFoundError, PermanentError
from shared.wire.json_types import JsonObject
from shared.wire.times import parse_instant

EVENT_SUBSCRIPTIONS = "/api/eventsubscriptions"
PAGE = 1000
MOST_COUNTED = 10_000
MOST_REASONS = 10
MOST_IDS = 1000
AT_ONCE = 8

Letter = Mapping[str, Any]


class DeliveryDesk:
    """The commands on what event subscriptions did not get."""

    def __init__(self, client: StackClient, *, clock: Clock, as_json: bool = False) -> None:
        self._client = client
        self._clock = clock
        self._as_json = as_json

    async def summaries(self) -> list[JsonObject]:
        """Return how many letters each event subscription has, since when and why; the oldest subscription first."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def count(event_subscription: Mapping[str, Any]) -> JsonObject:
            async with gate:
                return await self._summary(event_subscription)

        found = (await self._client.get(EVENT_SUBSCRIPTIONS))["value"]
        return [*await asyncio.gather(*map(count, found))]

    async def summarize(self, event_subscription: str) -> None:
        """Print how many letters one has. Raises NotFoundError."""
        found = await self._client.get(f"{EVENT_SUBSCRIPTIONS}/{segment(event_subscription)}")
        summary = await self._summary(found)
        if self._as_json:
            print_json([summary])
        else:
            show(summary_table([summary], self._clock.now()))

    async def show(self, event_subscription: str, *, first: int, limit: int) -> None:
        """Print letters from a number on, in the order of the log. Raises NotFoundError."""
        letters = [
            each async for each in self._letters(event_subscription, first=first, most=limit)
        ]
        if self._as_json:
            print_json(letters)
        else:
            show(letters_table(letters, self._clock.now()))

    async def show_one(self, event_subscription: str, event_id: str) -> None:
        """Print why an event was not delivered, and the event if it is still kept. Raises NotFoundError."""
        async for letter in self._letters(event_subscription):
            if letter["eventId"] == event_id:
                await self._show_letter(letter)
                return
        raise NotFoundError(
            f"event subscription {event_subscription!r} has no dead letter of an event {event_id!r}"
        )

    async def redrive(self, event_subscription: str, event_ids: Sequence[str]) -> None:
        """Have deliveries made again, those of some events or all, and say how many."""
        path = f"{letters_path(event_subscription)}/redrive"
        redriven = 0
        for position in range(0, len(event_ids) or 1, MOST_IDS):
            some = list(event_ids[position : position + MOST_IDS])
            answer = await self._client.send("POST", path, {"eventIds": some} if some else {})
            redriven += answer.body["redriven"]
        if self._as_json:
            print_json({"redriven": redriven})
        else:
            print(f"{redriven:,} to be delivered again to {event_subscription}")
        if redriven < len(set(event_ids)):
            missing = many(len(set(event_ids)) - redriven, "event")
            raise PermanentError(f"{missing} of those named had no dead letter there")

    async def _summary(self, event_subscription: Mapping[str, Any]) -> JsonObject:
        identity = str(event_subscription["id"])
        letters = [each async for each in self._letters(identity, most=MOST_COUNTED)]
        reasons = Counter(str(each.get("lastError")) for each in letters)
        oldest = min(
            (each["deadLetteredTime"] for each in letters), key=parse_instant, default=None
        )
        return {
            "eventSubscription": identity,
            "name": event_subscription.get("name"),
            "status": event_subscription["status"],
            "count": len(letters),
            "isComplete": len(letters) < MOST_COUNTED,
            "oldestTime": oldest,
            "reasons": dict(reasons.most_common(MOST_REASONS)),
        }

    async def _letters(
        self, event_subscription: str, *, first: int = 0, most: int | None = None
    ) -> AsyncIterator[Letter]:
        """Yield up to `most` letters, page by page, from a number on."""
        after, left = max(first - 1, 0), most
        while left is None or left > 0:
            limit = PAGE if left is None else min(left, PAGE)
            query = {"after": after, "limit": limit}
            page = (await self._client.get(letters_path(event_subscription), query))["value"]
            for letter in page:
                yield letter
            if len(page) < limit:
                return
            after, left = int(page[-1]["sequence"]), None if left is None else left - len(page)

    async def _show_letter(self, letter: Letter) -> None:
        query = {"since": int(letter["sequence"]) - 1, "limit": 1}
        events = (await self._client.get("/api/events", query))["value"]
        event = next((each for each in events if each["id"] == letter["eventId"]), None)
        if self._as_json:
            print_json({**letter, "event": event})
        else:
            show(letter_facts(letter, self._clock.now()))
            if event is not None:
                print_json(event)


def letters_path(event_subscription: str) -> str:
    """Return where the connector has them."""
    return f"{EVENT_SUBSCRIPTIONS}/{segment(event_subscription)}/deadletters"
