import pytest

from shared.errors import ConfigurationError
from shared.messaging.servicebus.connection import (
    ServiceBusConnection,
    connection_of,
    new_client,
    new_credential,
)
from shared.settings import BrokerKind, Settings

TEXT = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=s3cret;UseDevelopmentEmulator=true"


def test_without_a_connection_both_settings_and_where_it_is_asked_for_are_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        connection_of(Settings(broker=BrokerKind.SERVICEBUS))

    assert "ServiceBusConnection " in str(caught.value)
    assert "ServiceBusConnection__fullyQualifiedNamespace" in str(caught.value)
    assert "--broker servicebus" in str(caught.value)
    assert "make up CONNECTION=" in str(caught.value)


def test_p8_connection_string_is_shown_nowhere() -> None:
    connection = connection_of(Settings(service_bus_connection=TEXT))

    assert connection.connection_string == TEXT
    assert "s3cret" not in repr(connection)


@pytest.mark.parametrize(
    "text",
    [
        "s3cret",
        "Endpoint=sb://s3cret",
        "Endpoint=s3cret;SharedAccessKeyName=k;SharedAccessKey=s3cret",
        TEXT.replace("SharedAccessKeyName=k;", ""),
    ],
)
def test_p8_malformed_connection_string_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="ServiceBusConnection is no") as caught:
        new_client(ServiceBusConnection(connection_string=text), None, retries=0)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_connection_string_needs_no_identity() -> None:
    assert new_credential(ServiceBusConnection(connection_string=TEXT, namespace="ns")) is None


@pytest.mark.parametrize("client_id", [None, "c4de40ea-0d0e-4f8c-a4f6-6a0d1a3a4b5c"])
async def test_namespace_is_entered_with_the_identity_of_the_process(client_id: str | None) -> None:
    connection = connection_of(
        Settings(service_bus_namespace="ns.servicebus.windows.net", service_bus_client_id=client_id)
    )

    credential = new_credential(connection)
    client = new_client(connection, credential, retries=0)

    assert credential is not None
    assert client.fully_qualified_namespace == "ns.servicebus.windows.net"
    await client.close()
    await credential.close()
