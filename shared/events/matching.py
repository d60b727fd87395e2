"""Which event subscriptions get an event, while it is published."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection

from shared.events import statements
from shared.events.event_subscription import EventFilter, data_filters
from shared.events.filters import filter_keys
from shared.events.status import EventSubscriptionStatus

NO_FILTER = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event subscription whose types let an event through, and what else it asks for."""

    row: Any
    wanted: EventFilter


class Matches:
    """Finds event subscriptions by the type of an event, each type looked up once a transaction."""

    def __init__(self, connection: Connection, present: int) -> None:
        self._connection = connection
        self._present = present
        self._by_type: dict[str, list[Candidate]] = {}
        self._asleep: dict[str, Any] = {}

    def asleep(self) -> list[Any]:
        """Return the event subscriptions that have to be woken, those that are failing last: what is woken first is
        sent to first, and whoever fails is no reason for the others to wait."""
        return sorted(self._asleep.values(), key=lambda row: row.failing_since is not None)

    def of(self, event: Any) -> list[str]:
        """Return the ids of the event subscriptions that get the event, and note which have to be woken."""
        if event.addressee is not None:
            matching = statements.ADDRESSEE.rows(self._connection, name=event.addressee)
        else:
            matching = self._matching(event)
        for row in matching:
            is_sent_to = row.status == EventSubscriptionStatus.ENABLED
            if is_sent_to and is_asleep(row, self._present):
                self._asleep[row.id] = row
        return [row.id for row in matching]

    def _matching(self, event: Any) -> list[Any]:
        candidates = self._by_type.get(event.type)
        if candidates is None:
            candidates = self._by_type[event.type] = self._candidates(event.type)
        left = [one for one in candidates if one.wanted.lets_subject_through(event.subject)]
        if any(one.wanted.data for one in left):
            ((structured,),) = statements.STRUCTURED.rows(self._connection, at=event.position)
            data = data_in(structured)
            left = [one for one in left if one.wanted.lets_data_through(data)]
        return [one.row for one in left]

    def _candidates(self, event_type: str) -> list[Candidate]:
        keys, at_once = filter_keys(event_type), len(statements.FILTER_KEYS)
        rows = {
            row.id: row
            for first in range(0, len(keys), at_once)
            for row in self._subscribed(keys[first : first + at_once])
        }
        return [
            Candidate(
                row,
                EventFilter(subject_prefix=row.subject_prefix, data=data_filters(row.filter_data)),
            )
            for row in rows.values()
        ]

    def _subscribed(self, keys: Sequence[str]) -> list[Any]:
        named = dict(zip_longest(statements.FILTER_KEYS, keys, fillvalue=NO_FILTER))
        return statements.SUBSCRIBED.rows(self._connection, **named)


def is_asleep(row: Any, present: int) -> bool:
    """Not to be woken by now: while it is leased `due_at` is past, and the closing transaction looks for what came."""
    return row.due_at is None or row.due_at > wake_time(row, present)


def wake_time(row: Any, present: int) -> int:
    """Now, or when the sink is to be left alone no longer."""
    return max(present, row.held_until or 0)


def data_in(structured: bytes) -> Any:
    """Return the data of an encoded event."""
    return from_json(structured).get("data")
