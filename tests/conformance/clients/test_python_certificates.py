"""azure-servicemanagement-legacy 0.20.8: management certificates, by the service whose part the Scheduler was."""

import base64

import pytest

from shared.development_certificates import issue
from shared.tls import Certificate, parse_certificate
from tests.clocks import START
from tests.conformance.clients.conftest import Open
from tests.conformance.clients.driver import Client, ClientError

KIND = "azure-servicemanagement-legacy management"


@pytest.fixture
def client(open_python_classic: Open) -> Client:
    return open_python_classic(kind=KIND)


@pytest.fixture
def certificate() -> Certificate:
    return parse_certificate(issue("somebody", now=START, authority=None).pem())


def added(client: Client, certificate: Certificate) -> None:
    client.call(
        "add_management_certificate",
        base64.b64encode(certificate.public_key).decode(),
        certificate.thumbprint,
        base64.b64encode(certificate.der).decode(),
    )


def thumbprints(client: Client) -> list[str]:
    listed = client.call("list_management_certificates")
    return [one["subscription_certificate_thumbprint"] for one in listed]


def test_a_certificate_comes_back_as_it_was_added_until_it_is_deleted(
    client: Client, certificate: Certificate
) -> None:
    added(client, certificate)
    assert certificate.thumbprint in thumbprints(client)

    found = client.call("get_management_certificate", certificate.thumbprint)

    assert found["subscription_certificate_thumbprint"] == certificate.thumbprint
    assert base64.b64decode(found["subscription_certificate_data"]) == certificate.der
    assert base64.b64decode(found["subscription_certificate_public_key"]) == certificate.public_key
    assert found["created"].endswith("Z")
    client.call("delete_management_certificate", certificate.thumbprint.lower())
    assert certificate.thumbprint not in thumbprints(client)
    for method in ("get_management_certificate", "delete_management_certificate"):
        with pytest.raises(ClientError, match="ResourceNotFound") as missing:
            client.call(method, certificate.thumbprint)
        assert missing.value.type == "AzureMissingResourceHttpError"


def test_what_is_no_certificate_is_refused_in_words(client: Client) -> None:
    with pytest.raises(ClientError, match="not a certificate in DER or PEM form"):
        client.call("add_management_certificate", "", "", base64.b64encode(b"x").decode())
