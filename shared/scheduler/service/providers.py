"""The endpoints about the resource provider itself: registration, properties, entitlement (contract A.2, A.3)."""

from sqlalchemy import Connection

from shared.errors import ConflictError, NotFoundError
from shared.scheduler.service.arm.provider import get_provider
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.scheduler.service.required import invalid_parameter, required
from shared.scheduler.store import SchedulerStore
from shared.sql.database import Transaction
from shared.wire.arm_ids import NAMESPACE as ARM_NAMESPACE
from shared.wire.provider import (
    NAMESPACE,
    RESOURCE_TYPE,
    TYPE,
    decode_entitlement,
    encode_provider_properties,
    provider_properties,
)

ACCEPTED = Answer(status=202)
DONE = Answer(status=200)


class ResourceProviders:
    """There is one, `scheduler`, with one resource type; nothing else depends on its registration."""

    def __init__(self, store: SchedulerStore) -> None:
        self._store = store

    def register(self, request: Request) -> Effect:
        check_service(request)

        def effect(transaction: Transaction) -> Answer:
            is_new = self._store.registrations.add(
                transaction.connection, request.subscription, RESOURCE_TYPE
            )
            if not is_new:
                raise ConflictError(
                    f"The resource type {RESOURCE_TYPE} is already registered for this subscription."
                )
            return DONE

        return effect

    def unregister(self, request: Request) -> Effect:
        check_service(request)

        def effect(transaction: Transaction) -> Answer:
            self._store.registrations.remove(
                transaction.connection, request.subscription, RESOURCE_TYPE
            )
            return DONE

        return effect

    def entitle(self, request: Request) -> Effect:
        """Return what accepts a purchase: it is checked, and nothing depends on it."""
        decode_entitlement(request.body)
        return lambda _: ACCEPTED

    def get(self, request: Request) -> Query:
        """Return what ARM tells of the provider, which goes by either name here."""
        check_provider(request, known=(NAMESPACE, ARM_NAMESPACE.lower()))
        return get_provider(request)

    def properties(self, request: Request) -> Query:
        check_provider(request, known=(NAMESPACE,))
        if required(request, "resourceType").lower() != TYPE.lower():
            raise invalid_parameter("resourceType", f"must be {TYPE}")
        body = encode_provider_properties(provider_properties(request.now))

        def query(_: Connection) -> Answer:
            return Answer(status=200, body=body)

        return query


def check_provider(request: Request, *, known: tuple[str, ...]) -> None:
    """Raises NotFoundError for another provider than ours."""
    provider = request.params["provider"]
    if provider.lower() not in known:
        raise NotFoundError(f"The resource provider '{provider[:100]}' was not found.")


def check_service(request: Request) -> None:
    """Raises NotFoundError for another resource type than ours."""
    if required(request, "service").lower() != RESOURCE_TYPE.lower():
        raise NotFoundError("The service name is unknown.")
