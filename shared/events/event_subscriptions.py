"""Event subscriptions: who gets which events, and where."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection, Row

from shared.clock import Clock, from_microseconds, to_microseconds
from shared.errors import InvalidRequestError, NotFoundError
from shared.events import statements
from shared.events.filters import EVERYTHING, is_type_filter
from shared.events.status import EventSubscriptionStatus
from shared.events.webhook_signature import key_of, secret_of
from shared.messaging.steps import AT_ONCE, in_steps
from shared.outbound.guard import AddressGuard
from shared.sealing import Sealer
from shared.sql.database import Database, Transaction
from shared.wire.faults import faults_of
from shared.wire.json_types import JsonObject
from shared.wire.model import WireModel

GENERATED_KEY_BYTES = 32
MAX_URL = 2048
MAX_TYPES = 50
MAX_PREFIX = 1024


def check_url(url: str, context: ValidationInfo[AddressGuard]) -> str:
    if fault := context.context.fault_of_url(url):
        raise PydanticCustomError("url", "{fault}", {"fault": fault})
    return url


def check_secret(secret: SecretStr) -> SecretStr:
    try:
        key_of(secret.get_secret_value())
    except ValueError as error:
        raise PydanticCustomError("secret", "{fault}", {"fault": str(error)}) from None
    return secret


def check_type_filter(text: str) -> str:
    if not is_type_filter(text):
        raise PydanticCustomError("type", "must be a type, a prefix such as tocsin.job.*, or *")
    return text


class SinkRequest(WireModel):
    """The wish for a webhook; without a secret one is made."""

    type: Literal["webhook"]
    url: Annotated[str, Field(max_length=MAX_URL), AfterValidator(check_url)]
    secret: Annotated[SecretStr, AfterValidator(check_secret)] | None = None


class FilterRequest(WireModel):
    """The wish for some events; without types all of them."""

    types: tuple[Annotated[str, AfterValidator(check_type_filter)], ...] = Field(
        default=(), max_length=MAX_TYPES
    )
    subject_prefix: str = Field(default="", max_length=MAX_PREFIX)


class EventSubscriptionRequest(WireModel):
    """The body that creates an event subscription; read with the guard of URLs as its context."""

    sink: SinkRequest
    filter: FilterRequest = FilterRequest()


def read_request(body: bytes, guard: AddressGuard) -> EventSubscriptionRequest:
    try:
        return EventSubscriptionRequest.model_validate_json(
            body, by_alias=True, by_name=False, context=guard
        )
    except ValidationError as error:
        raise InvalidRequestError(faults_of(error)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSubscription:
    """An event subscription; `new_secret` is there only in the answer to a creation that made one."""

    id: str
    url: str
    types: tuple[str, ...]
    subject_prefix: str
    status: EventSubscriptionStatus
    status_reason: str | None
    created_at: datetime
    failing_since: datetime | None
    new_secret: str | None = field(default=None, repr=False)

    def to_json(self) -> JsonObject:
        """Return what callers see."""
        sink: JsonObject = {"type": "webhook", "url": self.url}
        if self.new_secret is not None:
            sink["secret"] = self.new_secret
        return {
            "id": self.id,
            "sink": sink,
            "filter": {"types": list(self.types), "subjectPrefix": self.subject_prefix},
            "status": self.status.value,
            "statusReason": self.status_reason,
            "createdTime": zulu(self.created_at),
            "failingSince": None if self.failing_since is None else zulu(self.failing_since),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Where new ids and webhook keys come from."""

    new_id: Callable[[], str]
    random_bytes: Callable[[int], bytes]


class EventSubscriptions:
    """The event subscriptions of one database."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        sealer: Sealer,
        guard: AddressGuard,
        chance: Chance,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._guard = guard
        self._chance = chance

    async def create(self, body: bytes) -> EventSubscription:
        """Create one from the JSON in `body`; it gets the events published from now on.

        Raises:
            InvalidRequestError: with every fault.
        """
        request = read_request(body, self._guard)
        given = request.sink.secret
        secret = (
            given.get_secret_value()
            if given
            else secret_of(self._chance.random_bytes(GENERATED_KEY_BYTES))
        )
        created = EventSubscription(
            id=self._chance.new_id(),
            url=request.sink.url,
            types=request.filter.types,
            subject_prefix=request.filter.subject_prefix,
            status=EventSubscriptionStatus.ENABLED,
            status_reason=None,
            created_at=self._clock.now(),
            failing_since=None,
            new_secret=None if given else secret,
        )
        sealed = self._sealer.seal(secret, context=secret_context(created.id))
        await self._database.run(lambda transaction: insert(transaction, created, sealed))
        return created

    async def get(self, event_subscription_id: str) -> EventSubscription:
        """Raises NotFoundError."""

        def query(connection: Connection) -> EventSubscription:
            rows = statements.GET_EVENT_SUBSCRIPTION.rows(connection, name=event_subscription_id)
            if not rows:
                raise not_found(event_subscription_id)
            return from_row(rows[0])

        return await self._database.read(query)

    async def list(self) -> list[EventSubscription]:
        """Return all of them, the oldest first."""

        def query(connection: Connection) -> list[EventSubscription]:
            return [from_row(row) for row in statements.LIST_EVENT_SUBSCRIPTIONS.rows(connection)]

        return await self._database.read(query)

    async def delete(self, event_subscription_id: str) -> None:
        """End its deliveries and forget it; what is being sent at this moment may still arrive.

        Raises:
            NotFoundError: there is none of this id.
        """
        name = event_subscription_id

        def end(transaction: Transaction) -> None:
            ended = statements.END_EVENT_SUBSCRIPTION.change(transaction.connection, name=name)
            if ended != 1:
                raise not_found(name)

        def drop_some(transaction: Transaction) -> int:
            return statements.DELETE_DELIVERIES.change(
                transaction.connection, name=name, at_most=AT_ONCE
            )

        def forget(transaction: Transaction) -> None:
            statements.DELETE_EVENT_SUBSCRIPTION.change(transaction.connection, name=name)

        await self._database.run(end)
        await in_steps(self._database, drop_some)
        await self._database.run(forget)


def insert(transaction: Transaction, created: EventSubscription, sealed: str) -> None:
    connection = transaction.connection
    statements.INSERT_EVENT_SUBSCRIPTION.change(
        connection,
        id=created.id,
        url=created.url,
        sealed_secret=sealed,
        filter_types=json.dumps(created.types),
        subject_prefix=created.subject_prefix,
        created_at=to_microseconds(created.created_at),
    )
    statements.INSERT_FILTER.execute_many(
        connection,
        [
            {"type": text, "event_subscription_id": created.id}
            for text in dict.fromkeys(created.types or (EVERYTHING,))
        ],
    )


def from_row(row: Row[Any]) -> EventSubscription:
    return EventSubscription(
        id=row.id,
        url=row.url,
        types=tuple(json.loads(row.filter_types)),
        subject_prefix=row.subject_prefix,
        status=EventSubscriptionStatus(row.status),
        status_reason=row.status_reason,
        created_at=from_microseconds(row.created_at),
        failing_since=None if row.failing_since is None else from_microseconds(row.failing_since),
    )


def zulu(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def secret_context(event_subscription_id: str) -> str:
    """Return what a sealed secret is bound to, so that it opens for its own event subscription only."""
    return f"event subscription {event_subscription_id}"


def not_found(event_subscription_id: str) -> NotFoundError:
    return NotFoundError(f"there is no event subscription {event_subscription_id!r}")
