import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from shared.wire.client_certificate import ClientCertificate, open_pfx
from tests.client_certificates import EXPIRES_AT, TERRAFORM, name, pfx_of, self_signed
from tests.shared.wire.recordings import RECORDED_PFX

IDENTITY = self_signed(name(*TERRAFORM))
PFX = pfx_of(IDENTITY, "geheim")


def test_the_recorded_certificate_is_told_as_recorded() -> None:
    assert open_pfx(RECORDED_PFX, "pass@word1") == ClientCertificate(
        thumbprint="77ED5AD8B6E3CDCF68E29FA8C41309EB3A128CEA",
        expires_at=datetime(2021, 1, 1, 7, tzinfo=UTC),
        subject_name="CN=May14SchedulerMgmt",
    )


def test_a_certificate_is_told_in_the_form_of_dotnet() -> None:
    told = open_pfx(PFX, "geheim")

    assert told.thumbprint == IDENTITY.certificate.fingerprint(SHA1()).hex().upper()
    assert told.expires_at == EXPIRES_AT
    assert told.subject_name.startswith("CN=Terraform App Gateway, OU=Azure, ")


def test_a_pfx_may_have_no_password_and_be_broken_into_lines() -> None:
    content = base64.encodebytes(base64.b64decode(pfx_of(IDENTITY))).decode()

    assert open_pfx(content, "") == open_pfx(PFX, "geheim")


@pytest.mark.parametrize(
    ("pfx", "password"),
    [
        (PFX, "s3cret"),
        (PFX, ""),
        (PFX, "a\0b"),
        (PFX[:-8], "geheim"),
        (PFX[:-1] + "*", "geheim"),
        ("", ""),
        ("pfx", "password"),
        ("\N{SNOWMAN}", ""),
        (base64.b64encode(b"no pfx").decode(), ""),
    ],
)
def test_p8_what_cannot_be_opened_is_refused_without_showing_it(pfx: str, password: str) -> None:
    with pytest.raises(ValueError, match="cannot be opened") as caught:
        open_pfx(pfx, password)

    assert caught.value.__cause__ is None
    for secret in (pfx, password):
        assert not secret or secret not in str(caught.value).replace("password", "")


def test_a_certificate_without_its_key_is_of_no_use() -> None:
    with pytest.raises(ValueError, match="holds no private key"):
        open_pfx(pfx_of(IDENTITY, has_key=False), "")


def test_a_key_without_its_certificate_is_of_no_use() -> None:
    other = self_signed(name((NameOID.COMMON_NAME, "other"))).certificate
    content = serialize_key_and_certificates(b"a", IDENTITY.key, None, [other], NoEncryption())

    with pytest.raises(ValueError, match="holds no certificate that belongs to its private key"):
        open_pfx(base64.b64encode(content).decode(), "")


def test_a_certificate_with_a_name_that_is_no_text_is_refused() -> None:
    der = IDENTITY.certificate.public_bytes(Encoding.DER).replace(
        b"Terraform", b"Terra\xff\xff\xff\xff"
    )
    content = serialize_key_and_certificates(
        b"a", IDENTITY.key, x509.load_der_x509_certificate(der), None, NoEncryption()
    )

    with pytest.raises(ValueError, match="cannot be opened"):
        open_pfx(base64.b64encode(content).decode(), "")


@given(st.data())
def test_p10_a_damaged_pfx_is_opened_or_refused(data: st.DataObject) -> None:
    content = bytearray(base64.b64decode(pfx_of(IDENTITY)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    assert refusal_of(base64.b64encode(content).decode()).split(" ")[0] in ("", "cannot", "holds")


def refusal_of(pfx: str) -> str:
    try:
        open_pfx(pfx, "")
    except ValueError as error:
        return str(error)
    return ""
