"""The form of the official emulator's Config.json (its Config-schema.json), and what of it this broker takes.

Members are read ignoring case. One that is not known is refused: the emulator passes over it, and what is misspelt has
no effect there.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictStr, model_validator
from pydantic.alias_generators import to_pascal
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.messaging.emulator_values import (
    Action,
    Count,
    EntityPath,
    Expression,
    FilterType,
    FilterTypeWord,
    Forwarding,
    Lock,
    NamespaceName,
    Property,
    RuleName,
    SubscriptionName,
    TimeToLive,
    Window,
)
from shared.wire.conditional_members import Handler, fault, given, missing, with_faults
from shared.wire.faults import json_path
from shared.wire.model import Ignored, WireModel

MAX_ENTITIES = 10_000
MAX_SUBSCRIPTIONS = 2_000
MAX_FILTERS = {FilterType.SQL: 2_000, FilterType.CORRELATION: 100_000}
FILTERS = {"sql": "SqlFilter", "correlation": "CorrelationFilter"}


class EmulatorDocument(WireModel):
    """Members are PascalCase in the file."""

    model_config = ConfigDict(alias_generator=to_pascal)


class EntityProperties(EmulatorDocument):
    """What queues and topics have."""

    default_message_time_to_live: TimeToLive | None = None
    duplicate_detection_history_time_window: Window = timedelta(minutes=10)
    requires_duplicate_detection: StrictBool = False


class ReceivingProperties(EmulatorDocument):
    """What queues and subscriptions have."""

    dead_lettering_on_message_expiration: StrictBool = False
    default_message_time_to_live: TimeToLive | None = None
    forward_dead_lettered_messages_to: Forwarding = ""
    forward_to: Forwarding = ""
    lock_duration: Lock = timedelta(minutes=1)
    max_delivery_count: Count = 10
    requires_session: StrictBool = False


class QueueProperties(EntityProperties, ReceivingProperties):
    """What a queue has."""


class QueueDocument(EmulatorDocument):
    name: EntityPath
    properties: QueueProperties = QueueProperties()


class SqlFilterDocument(EmulatorDocument):
    sql_expression: Expression


class ActionDocument(EmulatorDocument):
    sql_expression: Action = ""


class CorrelationFilterDocument(EmulatorDocument):
    content_type: StrictStr | None = None
    correlation_id: StrictStr | None = None
    label: StrictStr | None = None
    message_id: StrictStr | None = None
    reply_to: StrictStr | None = None
    reply_to_session_id: StrictStr | None = None
    session_id: StrictStr | None = None
    to: StrictStr | None = None
    properties: dict[str, Property] = Field(default_factory=dict)

    @model_validator(mode="after")
    def check_asks_for_something(self) -> Self:
        if not self.model_dump(exclude_none=True, exclude_defaults=True):
            raise PydanticCustomError("nothing", "must name a property and its value")
        return self


class RuleProperties(EmulatorDocument):
    filter_type: FilterTypeWord
    sql_filter: SqlFilterDocument | None = None
    correlation_filter: CorrelationFilterDocument | None = None
    action: ActionDocument = ActionDocument()

    @model_validator(mode="wrap")
    @classmethod
    def check_filter(cls, value: object, handler: Handler[Self]) -> Self:
        """The filter is the one of its type, and no other stands beside it."""
        return with_faults(cls, value, handler, _filter_faults(value))


class RuleDocument(EmulatorDocument):
    name: RuleName
    properties: RuleProperties


class SubscriptionDocument(EmulatorDocument):
    name: SubscriptionName
    properties: ReceivingProperties = ReceivingProperties()
    rules: tuple[RuleDocument, ...] = ()

    @model_validator(mode="wrap")
    @classmethod
    def check_names(cls, value: object, handler: Handler[Self]) -> Self:
        return with_faults(cls, value, handler, _repeated(value, "Rules"))


class TopicDocument(EmulatorDocument):
    name: EntityPath
    properties: EntityProperties = EntityProperties()
    subscriptions: tuple[SubscriptionDocument, ...] = ()

    @model_validator(mode="wrap")
    @classmethod
    def check_names(cls, value: object, handler: Handler[Self]) -> Self:
        return with_faults(cls, value, handler, _repeated(value, "Subscriptions"))

    @model_validator(mode="after")
    def check_limits(self) -> Self:
        _check_limit("subscriptions", len(self.subscriptions), MAX_SUBSCRIPTIONS)
        rules = [rule for one in self.subscriptions for rule in one.rules]
        for kind, most in MAX_FILTERS.items():
            found = sum(rule.properties.filter_type is kind for rule in rules)
            _check_limit(f"filters of type {kind}", found, most)
        return self


class NamespaceDocument(EmulatorDocument):
    name: NamespaceName
    queues: tuple[QueueDocument, ...] = ()
    topics: tuple[TopicDocument, ...] = ()

    @model_validator(mode="wrap")
    @classmethod
    def check_names(cls, value: object, handler: Handler[Self]) -> Self:
        return with_faults(cls, value, handler, _repeated(value, "Queues", "Topics"))

    @model_validator(mode="after")
    def check_limits(self) -> Self:
        _check_limit("queues and topics", len(self.queues) + len(self.topics), MAX_ENTITIES)
        return self


def _check_any(documents: tuple[NamespaceDocument, ...]) -> tuple[NamespaceDocument, ...]:
    if not documents:
        raise PydanticCustomError("none", "must have at least one")
    return documents


class UserConfigDocument(EmulatorDocument):
    namespaces: Annotated[tuple[NamespaceDocument, ...], AfterValidator(_check_any)]
    logging: Ignored = None

    @model_validator(mode="wrap")
    @classmethod
    def check_names(cls, value: object, handler: Handler[Self]) -> Self:
        return with_faults(cls, value, handler, _repeated(value, "Namespaces"))


class ConfigDocument(EmulatorDocument):
    """The file."""

    user_config: UserConfigDocument
    json_schema: Ignored = Field(default=None, alias="$schema")


def _filter_faults(value: object) -> list[InitErrorDetails]:
    kind = value.get("FilterType") if isinstance(value, dict) else None
    wanted = FILTERS.get(kind.lower()) if isinstance(kind, str) else None
    if wanted is None:
        return []
    others = given(RuleProperties, value) & set(FILTERS.values()) - {wanted}
    return [
        *missing(RuleProperties, value, [wanted]),
        *(
            fault("other", f"is not for a rule whose FilterType is {kind}", (one,))
            for one in others
        ),
    ]


def _repeated(value: object, *members: str) -> list[InitErrorDetails]:
    """Return a fault for each name that something before it in these members has, in any case."""
    owners: dict[str, str] = {}
    faults = []
    for location, name in _names(value, members):
        owner = json_path(location[:-1], root="").removeprefix(".")
        first = owners.setdefault(name.lower(), owner)
        if first != owner:
            faults.append(fault("repeated", f"is the name of {first} too, ignoring case", location))
    return faults


def _names(value: object, members: Sequence[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for member in members:
        found = value.get(member) if isinstance(value, dict) else None
        for index, one in enumerate(found if isinstance(found, list) else ()):
            name = one.get("Name") if isinstance(one, dict) else None
            if isinstance(name, str):
                yield (member, index, "Name"), name


def _check_limit(what: str, found: int, most: int) -> None:
    if found > most:
        raise PydanticCustomError(
            "limit",
            "has {found} {what}; {most} are allowed",
            {"found": found, "what": what, "most": most},
        )
