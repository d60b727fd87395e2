"""Client certificates with their keys, as jobs bring them: a pfx in base64."""

import base64
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    NoEncryption,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

from shared.development_certificates import Identity

EXPIRES_AT = datetime(2036, 5, 4, 3, 2, 1, tzinfo=UTC)
TERRAFORM = (
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.STATE_OR_PROVINCE_NAME, "Some-State"),
    (NameOID.ORGANIZATION_NAME, "Terraform Tests"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "Azure"),
    (NameOID.COMMON_NAME, "Terraform App Gateway"),
)


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """Return a name, the most general part first, as it stands in a certificate."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def self_signed(subject: x509.Name) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(EXPIRES_AT)
    )
    return Identity(builder.sign(key, SHA256()), key)


def pfx_of(identity: Identity, password: str = "", *, has_key: bool = True) -> str:
    """Return base64 of a PKCS#12 file."""
    encryption: KeySerializationEncryption = NoEncryption()
    if password:
        encryption = BestAvailableEncryption(password.encode())
    content = serialize_key_and_certificates(
        b"client", identity.key if has_key else None, identity.certificate, None, encryption
    )
    return base64.b64encode(content).decode()
