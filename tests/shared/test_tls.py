import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from shared.client_certificates import KeyKind, new_key, read_subject, sign
from shared.development_certificates import (
    DevelopmentCertificates,
    Identity,
    create_development_certificates,
    issue,
    read_identity,
)
from shared.errors import ConfigurationError
from shared.tls import (
    client_context,
    fingerprint,
    load_certificates,
    load_from_encrypted_file,
    parse_certificate,
    read_key_and_chain,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentCertificates:
    return create_development_certificates(tmp_path_factory.mktemp("tls"), now=NOW)


@pytest.fixture(scope="module")
def identity(files: DevelopmentCertificates) -> Identity:
    found = read_identity(files.client, files.client)
    assert found is not None
    return found


def test_der_and_pem_of_one_certificate_read_the_same(files: DevelopmentCertificates) -> None:
    der, pem = files.client_cer.read_bytes(), files.client.read_bytes()

    assert parse_certificate(der) == parse_certificate(pem)
    assert parse_certificate(der).fingerprint == fingerprint(der)
    assert parse_certificate(der).subject == "CN=Tocsin development client"


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not a certificate"):
        parse_certificate(content)


def test_every_bad_certificate_file_is_named(
    files: DevelopmentCertificates, tmp_path: Path
) -> None:
    malformed = tmp_path / "malformed.cer"
    malformed.write_bytes(files.client_cer.read_bytes()[:-1])

    with pytest.raises(ConfigurationError) as caught:
        load_certificates((files.client_cer, malformed, tmp_path / "missing.cer"))

    assert "malformed.cer" in caught.value.message
    assert "missing.cer" in caught.value.message
    assert "client.cer" not in caught.value.message


def pfx(identity: Identity, password: str | None) -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return serialize_key_and_certificates(
        b"client", identity.key, identity.certificate, None, encryption
    )


def encrypted_pem(identity: Identity, password: str) -> bytes:
    key = identity.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
    )
    return key + identity.certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize("password", [None, "correct horse"])
def test_a_context_is_made_of_a_pfx(
    files: DevelopmentCertificates, identity: Identity, password: str | None
) -> None:
    context = client_context(pfx(identity, password), password, authority=files.authority)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_context_is_made_of_an_encrypted_pem_in_any_order(
    files: DevelopmentCertificates, identity: Identity
) -> None:
    context = client_context(encrypted_pem(identity, "pw"), "pw", authority=files.authority)

    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_context_is_made_of_an_rsa_key_in_its_traditional_form(
    files: DevelopmentCertificates,
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([])
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW).sign(
        key, SHA256()
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    context = client_context(
        pem + certificate.public_bytes(Encoding.PEM), authority=files.authority
    )

    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_context_trusts_the_given_authority_alone(files: DevelopmentCertificates) -> None:
    context = client_context(files.client.read_bytes(), authority=files.authority)

    (trusted,) = context.get_ca_certs(binary_form=True)
    assert fingerprint(trusted) == parse_certificate(files.authority.read_bytes()).fingerprint


def test_without_memfd_the_key_passes_through_a_file_only_encrypted(identity: Identity) -> None:
    context = ssl.create_default_context()

    load_from_encrypted_file(context, *read_key_and_chain(identity.pem(), None))

    other = issue("other", now=NOW, authority=None).key
    with pytest.raises(ssl.SSLError):
        load_from_encrypted_file(context, other, identity.certificate.public_bytes(Encoding.PEM))


def test_a_misfit_says_nothing_of_key_or_password(
    files: DevelopmentCertificates, identity: Identity, tmp_path: Path
) -> None:
    certificate_alone = identity.certificate.public_bytes(Encoding.PEM)
    cases: list[tuple[bytes, str | None, Path]] = [
        (pfx(identity, "right"), "wrong-password", files.authority),
        (encrypted_pem(identity, "right"), "wrong-password", files.authority),
        (encrypted_pem(identity, "right"), None, files.authority),
        (certificate_alone, None, files.authority),
        (issue("x", now=NOW, authority=None).key_pem() + certificate_alone, None, files.authority),
        (b"", None, files.authority),
        (b"-----BEGIN nothing", None, files.authority),
        (identity.pem(), None, tmp_path / "missing.pem"),
    ]
    for certificate, password, authority in cases:
        with pytest.raises(ConfigurationError) as caught:
            client_context(certificate, password, authority=authority)
        assert "password" not in caught.value.message
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("kind", [*KeyKind])
def test_a_certificate_is_named_and_its_key_told_as_dotnet_does(kind: KeyKind) -> None:
    key = new_key(kind)
    made = sign(key, read_subject(None, "x"), begins=NOW, ends=NOW + timedelta(days=1))
    der = made.public_bytes(Encoding.DER)

    parsed = parse_certificate(der)

    assert parsed.der == der
    assert parsed.thumbprint == hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    assert parsed.is_version_3
    # Content of the bit string at the end of SubjectPublicKeyInfo.
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert spki.endswith(b"\x00" + parsed.public_key)
    assert len(spki) - len(parsed.public_key) < 40


def test_a_key_of_another_kind_is_told_whole() -> None:
    key = Ed25519PrivateKey.generate()
    name = read_subject(None, "x")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    made = builder.sign(key, None)

    parsed = parse_certificate(made.public_bytes(Encoding.PEM))

    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert parsed.public_key == spki


def test_p8_a_certificate_does_not_show_its_bytes() -> None:
    made = sign(
        new_key(KeyKind.EC), read_subject(None, "x"), begins=NOW, ends=NOW + timedelta(days=1)
    )

    assert "x30" not in repr(parse_certificate(made.public_bytes(Encoding.DER)))
