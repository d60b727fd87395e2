"""Webhooks: a signed POST of one event (Standard Webhooks, version 1), structured or binary.

What is signed is the body: in binary mode the data, and of the attributes the id alone, which is `webhook-id`.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.clock import Clock
from shared.errors import NoAnswerError
from shared.events.binary_mode import binary_event
from shared.events.cloudevent import CONTENT_TYPE
from shared.events.retry_schedule import parse_retry_after
from shared.events.sink import (
    Delivered,
    Destination,
    Gone,
    Limits,
    Mode,
    NotDelivered,
    Outcome,
    OutgoingEvent,
)
from shared.events.webhook_signature import key_of, sign
from shared.outbound.guard import AddressGuard

if TYPE_CHECKING:
    from shared.outbound.session import Answer, OutboundSession

USER_AGENT = {"user-agent": "tocsin"}
STRUCTURED = {"content-type": CONTENT_TYPE}
ASKS_FOR_PATIENCE = frozenset({429, 503})
GONE = 410
LIMITS = Limits(calls=8)
# Servers read headers as Latin-1, as UTF-8 or not at all, and the header is part of what is signed.
NOT_IN_ID = re.compile(r"[^\x20-\x7e]")


class Webhooks:
    """Opens webhook sinks that share one session; aiohttp is imported by the first that sends."""

    def __init__(self, guard: AddressGuard, clock: Clock, *, timeout: timedelta) -> None:
        self._guard = guard
        self._clock = clock
        self._timeout = timeout
        self._session: OutboundSession | None = None

    def open(self, destination: Destination) -> "WebhookSink":
        """Return the sink of one destination; it connects when it sends."""
        return WebhookSink(destination, self._clock, self._timeout, self.session)

    async def close(self) -> None:
        """Close the connections; the next send opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def session(self) -> "OutboundSession":
        """Return the session, for whoever has something else to ask of receivers."""
        if self._session is None:
            from shared.outbound.session import OutboundSession

            self._session = OutboundSession(self._guard)
        return self._session


class WebhookSink:
    """Posts to one URL."""

    def __init__(
        self,
        destination: Destination,
        clock: Clock,
        timeout: timedelta,
        session: "Callable[[], OutboundSession]",
    ) -> None:
        self._url = str(destination.settings["url"])
        self._mode = destination.mode
        self._keys = [key_of(secret) for secret in destination.secrets]
        self._clock = clock
        self._timeout = timeout
        self._session = session

    @property
    def limits(self) -> Limits:
        return LIMITS

    async def send(self, events: Sequence[OutgoingEvent]) -> Sequence[Outcome]:
        return [await self._post(event) for event in events]

    async def _post(self, event: OutgoingEvent) -> Outcome:
        headers, body = self._written(event)
        signed = sign(
            self._keys,
            webhook_id=NOT_IN_ID.sub(lambda found: quote(found[0], safe=""), event.id),
            sent_at=self._clock.now(),
            body=body,
        )
        try:
            answer = await self._session().request(
                "POST",
                self._url,
                body=body,
                headers=USER_AGENT | headers | signed,
                time_limit=self._timeout,
            )
        except NoAnswerError as error:
            return NotDelivered(error.message)
        return self._outcome(answer)

    def _written(self, event: OutgoingEvent) -> tuple[dict[str, str], bytes]:
        if self._mode is Mode.STRUCTURED:
            return STRUCTURED, event.structured
        taken_apart = binary_event(event.structured)
        return taken_apart.http_headers, taken_apart.body

    def _outcome(self, answer: "Answer") -> Outcome:
        if 200 <= answer.status < 300:
            return Delivered()
        if answer.status == GONE:
            return Gone()
        retry_after = None
        if answer.status in ASKS_FOR_PATIENCE and (value := answer.headers.get("Retry-After")):
            retry_after = parse_retry_after(value, now=self._clock.now())
        return NotDelivered(f"HTTP {answer.status}", retry_after)
