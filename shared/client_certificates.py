"""Client certificates that sign themselves, made for whoever is to manage a subscription: the upload is the trust."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.errors import ConfigurationError

CLOCK_SKEW = timedelta(hours=1)


class KeyKind(StrEnum):
    """RSA has 2048 bits; old clients know nothing else. EC is on the curve P-256."""

    RSA = "rsa"
    EC = "ec"


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """`cer` (DER) is for the service; `pem` and `pfx` hold the key too, neither with a password."""

    cer: Path
    pem: Path
    pfx: Path


def create_client_certificate(
    folder: Path,
    name: str,
    *,
    subject: str | None,
    lifetime: timedelta,
    kind: KeyKind,
    now: datetime,
) -> ClientFiles:
    """Make a certificate of version 3 of X.509 and write its three files, `name` with an ending each.

    `subject` is written as in RFC 4514; without it the subject's common name is `name`.

    Raises:
        ConfigurationError: a file is there already or cannot be written, or the subject is none.
    """
    files = ClientFiles(*(folder / f"{name}.{ending}" for ending in ("cer", "pem", "pfx")))
    whose = read_subject(subject, name)
    key = new_key(kind)
    certificate = sign(key, whose, begins=now - CLOCK_SKEW, ends=now + lifetime)
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in (files.cer, files.pem, files.pfx):
            if file.exists():
                raise ConfigurationError(f"{file} is there already; choose another name")
        create(files.cer, certificate.public_bytes(Encoding.DER))
        create(files.pem, certificate.public_bytes(Encoding.PEM) + key_pem)
        create(
            files.pfx,
            serialize_key_and_certificates(name.encode(), key, certificate, None, NoEncryption()),
        )
    except OSError as error:
        reason = "it is a file" if folder.is_file() else error.strerror
        raise ConfigurationError(f"cannot write to {folder}: {reason}") from error
    return files


def new_key(kind: KeyKind) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if kind is KeyKind.EC:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def read_subject(subject: str | None, name: str) -> x509.Name:
    try:
        if subject is None:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return x509.Name.from_rfc4514_string(subject)
    except ValueError as error:
        raise ConfigurationError(
            f"{subject or name!r} is no subject such as CN=Nightly,O=Contoso"
            + (f": {error}" if str(error) else "")
        ) from error


def sign(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    *,
    begins: datetime,
    ends: datetime,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def create(file: Path, content: bytes) -> None:
    """Write a file that was not there, readable by its owner only."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
