"""What callers ask of event subscriptions: wire models, read with the rules of endpoints as their context."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.errors import Fault, InvalidRequestError
from shared.events.event_subscription import EventFilter, EventSubscription
from shared.events.filters import DataFilter, fault_of_type_filter, is_data_path
from shared.events.sink import Mode
from shared.events.sink_settings import EndpointRules, SinkRequest, check_secret
from shared.storable import is_storable
from shared.wire.faults import faults_of
from shared.wire.json_types import parse_json
from shared.wire.merge import merge
from shared.wire.model import WireModel, check_plain
from shared.wire.times import parse_duration

MAX_NAME = 256
MAX_TYPES = 50
MAX_PREFIX = 1024
MAX_DIGITS = 100
MAX_DATA_FILTERS = 20
MAX_DELAYS = 20
MAX_PER_SECOND = 10_000
MAX_REDRIVEN = 1000
SHORTEST_DELAY, LONGEST_DELAY = timedelta(seconds=1), timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=7)
DEFAULT_OVERLAP = "PT24H"


def check_type_filter(text: str) -> str:
    if fault := fault_of_type_filter(text):
        raise PydanticCustomError("type", "{fault}", {"fault": fault})
    return text


def check_data_path(text: str) -> str:
    if not is_data_path(text):
        raise PydanticCustomError("path", "must be a path such as $.command or $.error.code")
    return text


def check_scalar(value: object) -> object:
    if isinstance(value, str):
        if len(value) > MAX_PREFIX:
            raise PydanticCustomError("scalar", f"must have at most {MAX_PREFIX} characters")
        return check_storable(value)
    if not isinstance(value, int | float):
        raise PydanticCustomError("scalar", "must be a text, a number, true or false")
    if not abs(value) < 10**MAX_DIGITS:  # NaN is not less either
        raise PydanticCustomError("scalar", f"must have at most {MAX_DIGITS} digits")
    return value


def check_storable(text: str) -> str:
    if not is_storable(text):
        raise PydanticCustomError("storable", "must hold no NUL and be text of Unicode")
    return text


def check_delay(text: str) -> str:
    if not SHORTEST_DELAY <= duration_of(text) <= LONGEST_DELAY:
        raise PydanticCustomError("delay", "must be from PT1S to PT24H")
    return text


def check_overlap(text: str) -> str:
    if duration_of(text) > LONGEST_OVERLAP:
        raise PydanticCustomError("overlap", "must be at most P7D")
    return text


def check_mode(mode: Mode, info: ValidationInfo) -> Mode:
    sink = info.data.get("sink")
    if sink is not None and mode not in sink.modes:
        raise PydanticCustomError("mode", "must be structured, since the sink takes nothing else")
    return mode


def duration_of(text: str) -> timedelta:
    """Return an ISO 8601 duration; the .NET form that jobs take besides is none here."""
    if text.startswith("P"):
        try:
            return parse_duration(text)
        except ValueError:
            pass
    raise PydanticCustomError("duration", "must be an ISO 8601 duration such as PT30S")


Scalar = Annotated[
    Any,
    AfterValidator(check_scalar),
    WithJsonSchema(
        {
            "type": ["string", "number", "boolean"],
            "maxLength": MAX_PREFIX,
            "exclusiveMinimum": -(10.0**MAX_DIGITS),
            "exclusiveMaximum": 10.0**MAX_DIGITS,
        }
    ),
]
TypeFilter = Annotated[str, AfterValidator(check_type_filter)]
Prefix = Annotated[str, Field(min_length=1, max_length=MAX_PREFIX), AfterValidator(check_storable)]
Text = Annotated[str, AfterValidator(check_plain)]


class DataFilterRequest(WireModel):
    """A condition on one member of an event's data."""

    path: Annotated[str, AfterValidator(check_data_path)]
    equals: Scalar = None
    prefix: Prefix | None = None

    @model_validator(mode="after")
    def check_one(self) -> "DataFilterRequest":
        if len(self.model_fields_set & {"equals", "prefix"}) != 1:
            raise PydanticCustomError("one", "must have either equals or prefix")
        return self


class FilterRequest(WireModel):
    """The wish for some events; without types all of them."""

    types: tuple[TypeFilter, ...] = Field(default=(), max_length=MAX_TYPES)
    subject_prefix: Text = Field(default="", max_length=MAX_PREFIX)
    data: tuple[DataFilterRequest, ...] = Field(default=(), max_length=MAX_DATA_FILTERS)

    def to_filter(self) -> EventFilter:
        return EventFilter(
            types=self.types,
            subject_prefix=self.subject_prefix,
            data=tuple(
                DataFilter(path=one.path, equals=one.equals, prefix=one.prefix) for one in self.data
            ),
        )


class RateLimitRequest(WireModel):
    """How many events at most are sent in a second."""

    per_second: int = Field(strict=True, ge=1, le=MAX_PER_SECOND)


class EventSubscriptionRequest(WireModel):
    """The body that creates an event subscription."""

    name: Text | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    sink: SinkRequest
    filter: FilterRequest = FilterRequest()
    mode: Annotated[Mode, AfterValidator(check_mode)] = Mode.STRUCTURED
    retry_schedule: tuple[Annotated[str, AfterValidator(check_delay)], ...] | None = Field(
        default=None, min_length=1, max_length=MAX_DELAYS
    )
    rate_limit: RateLimitRequest | None = None

    def applied_to(self, present: EventSubscription) -> EventSubscription:
        """Return `present` with everything that callers decide as it is here, but for secrets."""
        return replace(
            present,
            name=self.name,
            sink_settings=self.sink.settings(),
            filter=self.filter.to_filter(),
            mode=self.mode,
            retry_schedule=self.retry_schedule,
            rate_per_second=None if self.rate_limit is None else self.rate_limit.per_second,
        )


class RotationRequest(WireModel):
    """The body that brings in another secret; without one it is made."""

    secret: Annotated[SecretStr, AfterValidator(check_secret)] | None = None
    overlap: Annotated[str, AfterValidator(check_overlap)] = DEFAULT_OVERLAP

    @property
    def overlap_time(self) -> timedelta:
        return duration_of(self.overlap)


class RedriveRequest(WireModel):
    """The body that has dead letters delivered again; without ids all of them."""

    event_ids: tuple[Text, ...] | None = Field(default=None, min_length=1, max_length=MAX_REDRIVEN)


RequestT = TypeVar("RequestT", bound=WireModel)


def read_request(
    model: type[RequestT], body: bytes, rules: EndpointRules | None = None
) -> RequestT:
    """Return the body as `model`.

    Raises:
        InvalidRequestError: with every fault.
    """
    try:
        return model.model_validate_json(body, by_alias=True, by_name=False, context=rules)
    except ValidationError as error:
        raise InvalidRequestError(faults_of(error)) from None


def read_patch(
    body: bytes, present: EventSubscription, rules: EndpointRules
) -> tuple[EventSubscriptionRequest, frozenset[str]]:
    """Return what the merge patch in `body` (RFC 7396) makes of an event subscription, and the members of its sink
    that the patch names.

    Raises:
        InvalidRequestError: with every fault.
    """
    patch = parse_json(body)
    if not isinstance(patch, dict):
        raise InvalidRequestError([Fault("$", "must be an object")])
    sink = patch.get("sink")
    members = sink if isinstance(sink, dict) else {}
    faults = faults_of_sink_patch(members, present)
    try:
        wish = EventSubscriptionRequest.model_validate(
            merge(present.wish(), patch), by_alias=True, by_name=False, context=rules
        )
    except ValidationError as error:
        raise InvalidRequestError(faults or faults_of(error)) from None
    if faults:
        raise InvalidRequestError(faults)
    return wish, frozenset(members)


def faults_of_sink_patch(
    members: Mapping[str, object], present: EventSubscription
) -> tuple[Fault, ...]:
    faults = []
    if members.get("type", present.sink_type.value) != present.sink_type.value:
        faults.append(Fault("$.sink.type", "cannot be changed"))
    if "secret" in members:
        faults.append(Fault("$.sink.secret", "is changed by rotate-secret"))
    return tuple(faults)
