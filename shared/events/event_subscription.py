"""An event subscription as it is stored, and as callers see it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from shared.clock import from_microseconds, from_optional_microseconds
from shared.errors import NotFoundError
from shared.events.filters import DataFilter, is_below, lets_through
from shared.events.rate_limit import RateLimit, rate_limit_of
from shared.events.retry_schedule import DELAYS
from shared.events.sink import Mode, SinkType
from shared.events.status import EventSubscriptionStatus
from shared.events.stored_secrets import StoredSecret, read_secrets
from shared.wire.json_types import Json, JsonObject
from shared.wire.times import format_instant, parse_duration

EVENTS_TOPIC_ID = "events-topic"
"""The one that is made from a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events it gets; types are looked up elsewhere."""

    types: tuple[str, ...] = ()
    subject_prefix: str = ""
    data: tuple[DataFilter, ...] = ()

    def lets_subject_through(self, subject: str | None) -> bool:
        return is_below(subject, self.subject_prefix)

    def lets_data_through(self, data: Json) -> bool:
        return lets_through(self.data, data)

    def to_json(self) -> JsonObject:
        """Return what callers see."""
        document: JsonObject = {"types": list(self.types), "subjectPrefix": self.subject_prefix}
        if self.data:
            document["data"] = [written(one) for one in self.data]
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSubscription:
    """An event subscription; `new_secret` is there only in the answer to what made one."""

    id: str
    name: str | None = None
    sink_type: SinkType
    sink_settings: Mapping[str, Json]
    secrets: tuple[StoredSecret, ...] = field(default=(), repr=False)
    filter: EventFilter
    mode: Mode = Mode.STRUCTURED
    retry_schedule: tuple[str, ...] | None = None
    rate_per_second: int | None = None
    rate_per_minute: int | None = None
    status: EventSubscriptionStatus
    status_reason: str | None = None
    version: int = 1
    created_at: datetime
    failing_since: datetime | None = None
    replay: tuple[int, int] | None = None
    new_secret: str | None = field(default=None, repr=False)

    @property
    def etag(self) -> str:
        """What `If-Match` is compared with."""
        return f'"{self.version}"'

    @property
    def asks_for_permission(self) -> bool:
        """Whether the receiver has to agree before anything is sent."""
        return self.sink_settings.get("validation") == "cloudevents"

    @property
    def delays(self) -> Sequence[timedelta]:
        """After which times a failed delivery is tried again."""
        if self.retry_schedule is None:
            return DELAYS
        return [parse_duration(text) for text in self.retry_schedule]

    @property
    def rate_limit(self) -> RateLimit | None:
        """How fast events are sent: as asked for, and as the receiver allows."""
        return rate_limit_of(per_second=self.rate_per_second, per_minute=self.rate_per_minute)

    def wish(self) -> JsonObject:
        """Return the members that callers decide, as they would ask for them; secrets are not among them."""
        document: JsonObject = {} if self.name is None else {"name": self.name}
        document["sink"] = {"type": self.sink_type.value, **self.sink_settings}
        document["filter"] = self.filter.to_json()
        document["mode"] = self.mode.value
        if self.retry_schedule is not None:
            document["retrySchedule"] = list(self.retry_schedule)
        if self.rate_per_second is not None:
            document["rateLimit"] = {"perSecond": self.rate_per_second}
        return document

    def to_json(self) -> JsonObject:
        """Return what callers see."""
        document = {"id": self.id, **self.wish()}
        if self.new_secret is not None:
            document["sink"] = {
                "type": self.sink_type.value,
                **self.sink_settings,
                "secret": self.new_secret,
            }
        if self.rate_per_minute is not None:
            document["allowedRate"] = {"perMinute": self.rate_per_minute}
        if ends := [one.until for one in self.secrets if one.until is not None]:
            document["previousSecretUntil"] = format_instant(ends[0])
        if self.replay is not None:
            document["replay"] = {"next": self.replay[0], "last": self.replay[1]}
        return document | {
            "status": self.status.value,
            "statusReason": self.status_reason,
            "createdTime": format_instant(self.created_at),
            "failingSince": None
            if self.failing_since is None
            else format_instant(self.failing_since),
        }


def from_row(row: Row[Any]) -> EventSubscription:
    """Return what a row of the table says."""
    return EventSubscription(
        id=row.id,
        name=row.name,
        sink_type=SinkType(row.sink_type),
        sink_settings=json.loads(row.sink_settings),
        secrets=read_secrets(row.sealed_secrets),
        filter=EventFilter(
            types=tuple(json.loads(row.filter_types)),
            subject_prefix=row.subject_prefix,
            data=data_filters(row.filter_data),
        ),
        mode=Mode(row.mode),
        retry_schedule=None
        if row.retry_schedule is None
        else tuple(json.loads(row.retry_schedule)),
        rate_per_second=row.rate_per_second,
        rate_per_minute=row.rate_per_minute,
        status=EventSubscriptionStatus(row.status),
        status_reason=row.status_reason,
        version=row.version,
        created_at=from_microseconds(row.created_at),
        failing_since=from_optional_microseconds(row.failing_since),
        replay=None if row.replay_next is None else (row.replay_next, row.replay_last),
    )


def data_filters(text: str) -> tuple[DataFilter, ...]:
    """Return the filters of data in a row's column."""
    return () if text == "[]" else tuple(DataFilter(**one) for one in json.loads(text))


def written(one: DataFilter) -> JsonObject:
    return {name: value for name, value in asdict(one).items() if value is not None}


def not_found(event_subscription_id: str) -> NotFoundError:
    return NotFoundError(f"there is no event subscription {event_subscription_id[:100]!r}")
