"""How a process reaches its namespace: by a connection string, or by its own identity."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azure.servicebus.aio import ServiceBusClient

from shared.errors import ConfigurationError
from shared.settings import CONNECTION, Settings

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential

BACKOFF = 0.1
"""Seconds, doubled with each try: what a connection needs that was closed while it was idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBusConnection:
    """One of the two is given; `client_id` chooses among user-assigned identities."""

    connection_string: str | None = field(default=None, repr=False)
    namespace: str | None = None
    client_id: str | None = None


def connection_of(settings: Settings) -> ServiceBusConnection:
    """Return what the settings say; a connection string wins, as in Azure Functions.

    Raises:
        ConfigurationError: there is none, or it is malformed; its value is never part of the message.
    """
    connection = ServiceBusConnection(
        connection_string=settings.service_bus_connection,
        namespace=settings.service_bus_namespace,
        client_id=settings.service_bus_client_id,
    )
    if connection.connection_string is None and connection.namespace is None:
        raise ConfigurationError(
            "the queues are to be in Service Bus (--broker servicebus, TOCSIN_BROKER=servicebus), but "
            f"neither {CONNECTION} nor {CONNECTION}__fullyQualifiedNamespace is there; put the "
            f"connection string into the environment variable {CONNECTION} (make up CONNECTION=…)"
        )
    return connection


def new_credential(connection: ServiceBusConnection) -> "DefaultAzureCredential | None":
    """Return the process's identity, or None where a connection string makes it needless."""
    if connection.connection_string is not None:
        return None
    from azure.identity.aio import DefaultAzureCredential

    if connection.client_id is None:
        return DefaultAzureCredential()
    return DefaultAzureCredential(managed_identity_client_id=connection.client_id)


def new_client(
    connection: ServiceBusConnection, credential: "DefaultAzureCredential | None", *, retries: int
) -> ServiceBusClient:
    """Return a client that has opened nothing yet.

    Raises:
        ConfigurationError: the connection string is malformed.
    """
    if credential is not None and connection.namespace is not None:
        return ServiceBusClient(
            connection.namespace, credential, retry_total=retries, retry_backoff_factor=BACKOFF
        )
    try:
        return ServiceBusClient.from_connection_string(
            connection.connection_string or "", retry_total=retries, retry_backoff_factor=BACKOFF
        )
    except ValueError as error:
        # The SDK's sentences name parts of a connection string and quote none.
        raise ConfigurationError(f"{CONNECTION} is no connection string: {error}") from None
