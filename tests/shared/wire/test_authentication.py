import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.authentication import (
    ActiveDirectoryOAuthAuthentication,
    Authentication,
    BasicAuthentication,
    ClientCertificateAuthentication,
)
from shared.wire.http_action import HttpRequest
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read, read_stored
from shared.wire.secret_members import drop_secrets
from tests.client_certificates import TERRAFORM, name, pfx_of, self_signed
from tests.shared.wire.recordings import RECORDED_PFX

OTHER = pfx_of(self_signed(name(*TERRAFORM)), "geheim")
BASIC: JsonObject = {"type": "basic", "username": "u", "password": "s3cret"}
CERTIFICATE: JsonObject = {
    "type": "clientcertificate",
    "pfx": RECORDED_PFX,
    "password": "pass@word1",
}
OAUTH: JsonObject = {
    "type": "activeDirectoryOauth",
    "tenant": "microsoft.onmicrosoft.com",
    "audience": "https://management.core.windows.net/",
    "clientId": "dc23e663-9be6-4a32-8b8a-c46e36f0c137",
    "secret": "s3cret",
}
TOLD: JsonObject = {
    "certificateThumbprint": "77ED5AD8B6E3CDCF68E29FA8C41309EB3A128CEA",
    "certificateExpiration": "2021-01-01T07:00:00Z",
    "certificateSubjectName": "CN=May14SchedulerMgmt",
    "type": "ClientCertificate",
}


def request(authentication: Json) -> JsonObject:
    return {"uri": "http://h/", "method": "GET", "authentication": authentication}


def authentication_of(document: JsonObject) -> Authentication:
    found = read(HttpRequest, request(document)).authentication
    assert found is not None
    return found


def faults(document: Json) -> tuple[Fault, ...]:
    with pytest.raises(InvalidRequestError) as caught:
        read(HttpRequest, request(document), path="$")
    return caught.value.faults


def paths(document: Json) -> list[str]:
    return [fault.path.removeprefix("$.authentication") for fault in faults(document)]


@pytest.mark.parametrize(
    ("document", "kind", "answered"),
    [
        (BASIC, BasicAuthentication, {"username": "u", "type": "Basic"}),
        (CERTIFICATE, ClientCertificateAuthentication, TOLD),
        (
            OAUTH,
            ActiveDirectoryOAuthAuthentication,
            {
                "tenant": "microsoft.onmicrosoft.com",
                "audience": "https://management.core.windows.net/",
                "clientId": "dc23e663-9be6-4a32-8b8a-c46e36f0c137",
                "type": "ActiveDirectoryOAuth",
            },
        ),
    ],
)
def test_p8_what_is_answered_is_what_was_recorded_and_no_secret(
    document: JsonObject, kind: type[Authentication], answered: JsonObject
) -> None:
    found = authentication_of(document)

    shown = drop_secrets(found.document())
    assert isinstance(found, kind)
    assert (shown, list(shown)) == (answered, list(answered))
    for secret in ("s3cret", "pass@word1", RECORDED_PFX):
        assert secret not in f"{found!r} {found} {found.model_dump()} {found.model_dump_json()}"


def test_p8_a_password_is_in_no_fault() -> None:
    found = faults({"type": "basic", "username": "a:b", "password": ["s3cret"]})

    assert [fault.path for fault in found] == [
        "$.authentication.username",
        "$.authentication.password",
    ]
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"type": "Basic"}, [".username", ".password"]),
        ({"type": "ClientCertificate"}, [".pfx"]),
        ({"type": "ActiveDirectoryOAuth"}, [".tenant", ".audience", ".clientId", ".secret"]),
        ({**BASIC, "pfx": "s3cret"}, [".pfx"]),
        ({**OAUTH, "username": "u"}, [".username"]),
        ({**OAUTH, "tenant": "../common"}, [".tenant"]),
        ({**OAUTH, "tenant": "a/b"}, [".tenant"]),
        ({**OAUTH, "tenant": "a..b"}, [".tenant"]),
        ({**OAUTH, "tenant": "a?b"}, [".tenant"]),
        ({**OAUTH, "tenant": ""}, [".tenant"]),
        ({**OAUTH, "audience": "a\r\nb", "clientId": ""}, [".audience", ".clientId"]),
        ({"type": "Digest", "username": "a:b"}, [".username", ".type"]),
        ({"username": "a:b", "password": 5, "tenant": "/"}, [".username", ".password", ".tenant", ".type"]),
        ("Basic", [""]),
        ([BASIC], [""]),
    ],
)  # fmt: skip
def test_each_type_has_its_own_members(document: Json, expected: list[str]) -> None:
    assert paths(document) == expected


@pytest.mark.parametrize("tenant", ["common", "contoso.onmicrosoft.com", "a" * 36, "A_b-c.d"])
def test_a_tenant_is_a_guid_or_a_domain(tenant: str) -> None:
    authentication_of({**OAUTH, "tenant": tenant})


def test_p8_a_pfx_that_cannot_be_opened_is_a_fault_that_shows_nothing() -> None:
    [fault] = faults({**CERTIFICATE, "password": "s3cret"})

    assert fault.path == "$.authentication.pfx"
    assert fault.message.startswith("cannot be opened")
    assert "s3cret" not in fault.message


def test_what_a_caller_says_of_the_certificate_is_of_no_effect() -> None:
    sent: JsonObject = {
        **CERTIFICATE,
        "certificateThumbprint": 5,
        "CertificateExpiration": "expirationDate",
        "certificateSubjectName": "CN=other",
    }

    assert drop_secrets(authentication_of(sent).document()) == TOLD


def test_an_answer_that_is_put_back_lacks_the_pfx() -> None:
    assert paths(TOLD) == [".pfx"]


def test_what_is_stored_is_read_without_being_opened() -> None:
    stored = authentication_of(CERTIFICATE).document()
    sealed = request({**stored, "pfx": "sealed1.k1.AAAA", "password": "sealed1.k1.BBBB"})

    assert read_stored(HttpRequest, sealed).document() == sealed


def test_only_a_document_of_ours_is_taken_for_sealed() -> None:
    assert paths({**CERTIFICATE, "pfx": "sealed1.k1.AAAA"}) == [".pfx"]


def test_a_pfx_may_come_without_a_password() -> None:
    pfx = pfx_of(self_signed(name(*TERRAFORM)))

    found = authentication_of({"type": "ClientCertificate", "pfx": pfx})

    assert isinstance(found, ClientCertificateAuthentication)
    assert found.pfx.get_secret_value() == pfx
    assert found.certificate_subject_name is not None


def test_two_certificates_are_told_apart() -> None:
    other = authentication_of({**CERTIFICATE, "pfx": OTHER, "password": "geheim"})

    assert isinstance(other, ClientCertificateAuthentication)
    assert other.certificate_thumbprint != TOLD["certificateThumbprint"]
