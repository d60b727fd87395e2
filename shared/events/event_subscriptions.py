"""Event subscriptions: who gets which events, and where."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from shared.clock import Clock
from shared.errors import ConflictError, Fault, InvalidRequestError
from shared.events import event_subscription_statements as statements
from shared.events.event_subscription import (
    EVENTS_TOPIC_ID,
    EventSubscription,
    from_row,
    not_found,
)
from shared.events.event_subscription_requests import (
    EventSubscriptionRequest,
    RotationRequest,
    read_patch,
    read_request,
)
from shared.events.event_subscription_rows import insert, locked, update
from shared.events.sink import SinkType
from shared.events.sink_settings import EndpointRules
from shared.events.status import EventSubscriptionStatus
from shared.events.status_changes import StatusChanges, log_change
from shared.events.stored_secrets import StoredSecret, rotated, secret_context, write_secrets
from shared.events.webhook_signature import secret_of
from shared.messaging.steps import AT_ONCE, in_steps
from shared.sealing import Sealer
from shared.sql.database import Database, Transaction
from shared.wire.json_types import JsonObject

GENERATED_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Where new ids and webhook keys come from."""

    new_id: Callable[[], str]
    random_bytes: Callable[[int], bytes]


class EventSubscriptions:
    """The event subscriptions of one database; `status_changes` asks receivers for their permission."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        sealer: Sealer,
        rules: EndpointRules,
        chance: Chance,
        status_changes: StatusChanges,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._rules = rules
        self._chance = chance
        self._status_changes = status_changes

    async def create(self, body: bytes, *, caller: str) -> EventSubscription:
        """Create one from the JSON in `body`; it gets the events published from now on.

        Where the receiver has to agree first, it has been asked when this returns.

        Raises:
            InvalidRequestError: with every fault.
        """
        request = read_request(EventSubscriptionRequest, body, self._rules)
        new_id = self._chance.new_id()
        secrets = self._given_secrets(new_id, request)
        made = None
        if not secrets and request.sink.type is SinkType.WEBHOOK:
            made = self._new_secret()
            secrets = (self._sealed(new_id, made),)
        created = EventSubscription(
            id=new_id,
            sink_type=request.sink.type,
            sink_settings=request.sink.settings(),
            secrets=secrets,
            filter=request.filter.to_filter(),
            status=EventSubscriptionStatus.ENABLED,
            created_at=self._clock.now(),
        )
        created = request.applied_to(created)
        if created.asks_for_permission:
            created = replace(created, status=EventSubscriptionStatus.PENDING)
        await self._database.run(lambda transaction: insert(transaction, created))
        log_change("create_event_subscription", created, caller)
        asked = await self._status_changes.ask_for_permission(created)
        return replace(asked, new_secret=made)

    async def get(self, event_subscription_id: str) -> EventSubscription:
        """Raises NotFoundError."""

        def query(connection: Connection) -> EventSubscription:
            rows = statements.GET.rows(connection, name=event_subscription_id)
            if not rows:
                raise not_found(event_subscription_id)
            return from_row(rows[0])

        return await self._database.read(query)

    async def list(self) -> list[EventSubscription]:
        """Return all of them, the oldest first."""

        def query(connection: Connection) -> list[EventSubscription]:
            return [from_row(row) for row in statements.LIST.rows(connection)]

        return await self._database.read(query)

    async def patch(
        self, event_subscription_id: str, body: bytes, *, if_match: str | None, caller: str
    ) -> EventSubscription:
        """Change what the merge patch in `body` names; what is being sent at this moment still goes the old way.

        A webhook that asks for permission and has another URL is asked anew. Another sink begins without the failures
        of the one before.

        Raises:
            NotFoundError, InvalidRequestError.
            PreconditionFailedError: it is not what the caller last saw.
            ConflictError: what is there does not allow it.
        """

        def change(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id, if_match=if_match)
            request, members = read_patch(body, present, self._rules)
            changed = request.applied_to(present)
            if "connectionString" in members:
                changed = replace(changed, secrets=self._given_secrets(present.id, request))
            check_built_in(present, changed)
            update(transaction, changed)
            if is_to_be_asked(present, changed):
                self._status_changes.hold(transaction, present, EventSubscriptionStatus.PENDING)
            if is_another_sink(present, changed):
                self._status_changes.forget_health(transaction, present.id)
            return locked(transaction, event_subscription_id)

        changed = await self._database.run(change)
        log_change("change_event_subscription", changed, caller)
        return await self._status_changes.ask_for_permission(changed)

    async def rotate_secret(
        self, event_subscription_id: str, body: bytes, *, caller: str
    ) -> EventSubscription:
        """Sign with another secret from now on, and with the one before until the overlap ends.

        Raises:
            NotFoundError, InvalidRequestError.
            ConflictError: the sink has no signing secret.
        """
        request = read_request(RotationRequest, body or b"{}", self._rules)
        made = None if request.secret is not None else self._new_secret()
        text = made if request.secret is None else request.secret.get_secret_value()
        assert text is not None

        def change(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, event_subscription_id)
            if present.sink_type is not SinkType.WEBHOOK:
                raise ConflictError(f"a sink of type {present.sink_type} has no signing secret")
            self._check_is_new(present, text)
            now = self._clock.now()
            secrets = rotated(
                present.secrets,
                self._sealed(present.id, text).sealed,
                until=now + request.overlap_time,
                now=now,
            )
            statements.SET_SECRETS.change(
                transaction.connection, name=present.id, sealed_secrets=write_secrets(secrets)
            )
            return locked(transaction, event_subscription_id)

        changed = await self._database.run(change)
        log_change("rotate_secret", changed, caller)
        return replace(changed, new_secret=made)

    async def delete(
        self, event_subscription_id: str, *, if_match: str | None = None, caller: str
    ) -> None:
        """End its deliveries and forget it; what is being sent at this moment may still arrive.

        Raises:
            NotFoundError: there is none of this id.
            PreconditionFailedError: it is not what the caller last saw.
            ConflictError: it is made from a setting.
        """
        name = event_subscription_id

        def end(transaction: Transaction) -> EventSubscription:
            present = locked(transaction, name, if_match=if_match)
            if name == EVENTS_TOPIC_ID:
                raise ConflictError(f"{name} is made from the setting TOCSIN_EVENTS_TOPIC")
            statements.END.change(transaction.connection, name=name)
            return present

        def drop_some(transaction: Transaction) -> int:
            return statements.DELETE_DELIVERIES.change(
                transaction.connection, name=name, at_most=AT_ONCE
            )

        def forget(transaction: Transaction) -> None:
            statements.DELETE.change(transaction.connection, name=name)

        ended = await self._database.run(end)
        log_change("delete_event_subscription", ended, caller)
        await in_steps(self._database, drop_some)
        await self._database.run(forget)

    def _given_secrets(
        self, event_subscription_id: str, request: EventSubscriptionRequest
    ) -> tuple[StoredSecret, ...]:
        given = request.sink.secret
        if given is None:
            return ()
        return (self._sealed(event_subscription_id, given.get_secret_value()),)

    def _new_secret(self) -> str:
        return secret_of(self._chance.random_bytes(GENERATED_KEY_BYTES))

    def _sealed(self, event_subscription_id: str, secret: str) -> StoredSecret:
        context = secret_context(event_subscription_id)
        return StoredSecret(self._sealer.seal(secret, context=context))

    def _check_is_new(self, present: EventSubscription, secret: str) -> None:
        context = secret_context(present.id)
        if any(
            self._sealer.unseal(one.sealed, context=context) == secret for one in present.secrets
        ):
            raise InvalidRequestError([Fault("$.secret", "is in use already")])


def check_built_in(present: EventSubscription, changed: EventSubscription) -> None:
    if present.id == EVENTS_TOPIC_ID and changed.sink_settings != present.sink_settings:
        raise ConflictError(f"the topic of {present.id} is the setting TOCSIN_EVENTS_TOPIC")


def is_another_sink(present: EventSubscription, changed: EventSubscription) -> bool:
    """Whether events go elsewhere from now on, or with another right to."""
    return (where_to(changed), changed.secrets) != (where_to(present), present.secrets)


def where_to(wanted: EventSubscription) -> JsonObject:
    """Return the settings of its sink without whether the receiver is asked for permission."""
    return {name: value for name, value in wanted.sink_settings.items() if name != "validation"}


def is_to_be_asked(present: EventSubscription, changed: EventSubscription) -> bool:
    """Whether another URL, or the wish to ask at all, needs the receiver's permission.

    Raises:
        ConflictError: it is paused, and would be so no longer once the receiver has agreed.
    """
    is_new = changed.asks_for_permission and changed.sink_settings != present.sink_settings
    if not is_new or present.status is EventSubscriptionStatus.DISABLED:
        return False
    if present.status is EventSubscriptionStatus.PAUSED:
        raise ConflictError(f"event subscription {present.id} is paused; resume it first")
    return True
