"""Asking the receiver of a webhook whether it wants events: the abuse protection of CloudEvents' webhooks.

An OPTIONS request names us in `WebHook-Request-Origin`; who agrees answers with `WebHook-Allowed-Origin`, our name or
`*`, and may say how many requests a minute it takes in `WebHook-Allowed-Rate`. The other form, in which the receiver
agrees later by calling us (`WebHook-Request-Callback`), is not offered.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.errors import NoAnswerError
from shared.events.event_subscription import EventSubscription

if TYPE_CHECKING:
    from shared.outbound.session import Answer, OutboundSession

SECONDS_PER_MINUTE = 60
ANY = "*"
LONGEST_NUMBER = 9
LONGEST_ECHO = 100


@dataclass(frozen=True, slots=True)
class Permission:
    """The receiver agrees, to so many requests a minute where it says how many."""

    per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The receiver does not agree, or nobody knows; `reason` is safe to show."""

    reason: str


class Handshake:
    """Asks receivers; `origin` is the host that the connector is known by."""

    def __init__(
        self, session: "Callable[[], OutboundSession]", *, origin: str, timeout: timedelta
    ) -> None:
        self._session = session
        self._origin = origin
        self._timeout = timeout

    async def ask(self, wanted: EventSubscription) -> Permission | Refusal:
        """Ask the receiver of a webhook."""
        headers = {"WebHook-Request-Origin": self._origin, "user-agent": "tocsin"}
        if wanted.rate_per_second is not None:
            headers["WebHook-Request-Rate"] = str(wanted.rate_per_second * SECONDS_PER_MINUTE)
        try:
            answer = await self._session().request(
                "OPTIONS",
                str(wanted.sink_settings["url"]),
                body=None,
                headers=headers,
                time_limit=self._timeout,
            )
        except NoAnswerError as error:
            return Refusal(f"the receiver could not be asked: {error.message}")
        return self._concluded(answer)

    def _concluded(self, answer: "Answer") -> Permission | Refusal:
        if not 200 <= answer.status < 300:
            return Refusal(f"the receiver answered OPTIONS with HTTP {answer.status}")
        origin = answer.headers.get("WebHook-Allowed-Origin", "").strip()
        if origin != ANY and origin.lower() != self._origin.lower():
            found = f"is {origin[:LONGEST_ECHO]!r}" if origin else "is missing"
            return Refusal(
                f"the receiver's WebHook-Allowed-Origin {found}, not {self._origin!r} or '*'"
            )
        rate = answer.headers.get("WebHook-Allowed-Rate", ANY).strip()
        if rate == ANY:
            return Permission()
        is_number = rate.isascii() and rate.isdigit() and len(rate) <= LONGEST_NUMBER
        if not is_number or int(rate) == 0:
            return Refusal(
                f"the receiver's WebHook-Allowed-Rate is {rate[:LONGEST_ECHO]!r}, no number above 0 or '*'"
            )
        return Permission(int(rate))
