"""The secrets of an event subscription as its row keeps them: sealed, the newest first, each but that with an end.

They are a JSON array of `{"secret": "sealed1…", "until": microseconds}`. Who sends signs with all that have not ended,
so receivers have the time of the overlap to take over the newest.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.clock import (
    from_optional_microseconds,
    to_optional_microseconds,
)

AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A sealed secret, and when it ends; the newest one does not."""

    sealed: str = field(repr=False)
    until: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def read_secrets(text: str) -> tuple[StoredSecret, ...]:
    """Return what `write_secrets` wrote."""
    return tuple(
        StoredSecret(one["secret"], from_optional_microseconds(one.get("until")))
        for one in json.loads(text)
    )


def write_secrets(secrets: Sequence[StoredSecret]) -> str:
    """Return the form of the row."""
    return json.dumps(
        [
            {"secret": one.sealed}
            | ({} if one.until is None else {"until": to_optional_microseconds(one.until)})
            for one in secrets
        ]
    )


def rotated(
    secrets: Sequence[StoredSecret], sealed: str, *, until: datetime, now: datetime
) -> tuple[StoredSecret, ...]:
    """Return the secrets with a new one in front; the newest of the others goes on until then, every older one ends."""
    previous = [StoredSecret(one.sealed, until) for one in secrets[: AT_ONCE - 1]]
    return (StoredSecret(sealed), *(one for one in previous if one.is_valid(now)))


def secret_context(event_subscription_id: str) -> str:
    """Return what a sealed secret is bound to, so that it opens for its own event subscription only."""
    return f"event subscription {event_subscription_id}"


def map_secrets(text: str, change: Callable[[str], str]) -> str:
    """Return the row's text with every sealed secret changed; the same text when none is."""
    secrets = read_secrets(text)
    changed = tuple(StoredSecret(change(one.sealed), one.until) for one in secrets)
    return text if changed == secrets else write_secrets(changed)
