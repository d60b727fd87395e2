"""What the connector answers of its own: operations, event subscriptions, health, errors."""

from typing import Annotated, Literal

from pydantic import Field

from shared.events.event_data import ToldOperation
from shared.events.event_subscription_requests import FilterRequest, RateLimitRequest
from shared.events.sink import Mode
from shared.events.status import DeliveryStatus, EventSubscriptionStatus
from shared.wire.json_types import JsonObject
from shared.wire.model import WireModel
from shared.wire.openapi.json_schemas import ref
from shared.wire.times import Instant


class FaultDetail(WireModel):
    code: str
    target: str
    message: str


class ErrorBody(WireModel):
    code: str
    message: str
    details: tuple[FaultDetail, ...] | None = None


class ConnectorError(WireModel):
    error: ErrorBody


class AcceptedCommands(WireModel):
    operations: Annotated[tuple[ToldOperation, ...], Field(min_length=1)]


class OperationPage(WireModel):
    value: tuple[ToldOperation, ...]
    next_link: str | None = None


class HealthReport(WireModel):
    status: Literal["running", "paused"]
    reason: str | None = None
    since: Instant | None = None


class AllowedRate(WireModel):
    per_minute: int


class RunningReplay(WireModel):
    next: int
    last: int


class TestOutcome(WireModel):
    """What became of a test event by now."""

    event_id: str
    status: DeliveryStatus
    last_error: str | None = None


class DeadLetter(WireModel):
    sequence: str
    event_id: str
    type: str
    subject: str | None = None
    failures: Annotated[int, Field(ge=1)]
    dead_lettered_time: Annotated[Instant, Field(alias="deadLetteredTime")]


class Redriven(WireModel):
    redriven: Annotated[int, Field(ge=0)]


class ShownEventSubscription(WireModel):
    """An event subscription; what is always there is added to the schema."""

    id: str
    name: str | None = None
    filter: FilterRequest
    mode: Mode
    retry_schedule: tuple[str, ...] | None = None
    rate_limit: RateLimitRequest | None = None
    allowed_rate: AllowedRate | None = None
    previous_secret_until: Instant | None = None
    replay: RunningReplay | None = None
    status: EventSubscriptionStatus
    created_time: Instant


NULL_OR_TEXT: JsonObject = {"type": ["string", "null"]}
NULL_OR_INSTANT: JsonObject = {"type": ["string", "null"], "format": "date-time"}
ALWAYS_THERE: dict[str, JsonObject] = {
    "ShownEventSubscription": {
        "sink": ref("ShownSink"),
        "statusReason": NULL_OR_TEXT,
        "failingSince": NULL_OR_INSTANT,
    },
    "DeadLetter": {"lastError": NULL_OR_TEXT},
}
"""Members of answers that are never left out: null where there is nothing, or of several forms."""
ANSWERS = (
    ConnectorError,
    ToldOperation,
    AcceptedCommands,
    OperationPage,
    HealthReport,
    TestOutcome,
    DeadLetter,
    Redriven,
    ShownEventSubscription,
)
