"""Certificates: made for development, read, compared, and loaded by the client side of the Scheduler API."""

import hashlib
import os
import re
import secrets
import ssl
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from shared.errors import ConfigurationError

PEM_BEGIN = b"-----BEGIN "
# What begins a PFX (RFC 7292): a sequence whose first member is its version, 3; for a message alone.
PFX_BEGIN = re.compile(rb"\x30(?:[\x00-\x80]|\x81.|\x82.{2}|\x83.{3})\x02\x01\x03\x30", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate without its key; `der` is its one form that counts.

    `fingerprint` is the SHA-256 of it in lower-case hex; `thumbprint` the SHA-1 in upper-case hex, the name that the
    retired service and Windows give a certificate. It is valid from `not_before` to `not_after`, both of them
    included. `public_key` is the content of the key's bit string.
    """

    fingerprint: str
    thumbprint: str
    subject: str
    not_before: datetime
    not_after: datetime
    is_version_3: bool
    der: bytes = field(repr=False)
    public_key: bytes = field(repr=False)

    def refusal(self, now: datetime) -> str | None:
        """Return what its dates have against it at this instant, to follow its name; None when it is valid."""
        if now < self.not_before:
            return f"is not valid before {self.not_before.isoformat()}"
        if now > self.not_after:
            return f"expired at {self.not_after.isoformat()}"
        return None


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate's DER form in lower-case hex."""
    return hashlib.sha256(der).hexdigest()


def parse_certificate(content: bytes) -> Certificate:
    """Read a certificate in DER or PEM form; of several in PEM the first, which is the leaf.

    Raises:
        ConfigurationError: it is neither.
    """
    try:
        if PEM_BEGIN in content:
            certificate = x509.load_pem_x509_certificate(content)
        else:
            certificate = x509.load_der_x509_certificate(content)
        der = certificate.public_bytes(Encoding.DER)
        return Certificate(
            fingerprint=fingerprint(der),
            thumbprint=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
            subject=certificate.subject.rfc4514_string(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            is_version_3=certificate.version is x509.Version.v3,
            der=der,
            public_key=public_key_bits(certificate),
        )
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        if PFX_BEGIN.match(content):
            raise ConfigurationError(
                "it is a PFX, which holds a private key; give the certificate alone, its .cer file"
            ) from error
        raise ConfigurationError("not a certificate in DER or PEM form") from error


def public_key_bits(certificate: x509.Certificate) -> bytes:
    """Return the public key as .NET's `GetPublicKey` does; a kind without such a form as SubjectPublicKeyInfo."""
    key = certificate.public_key()
    match key:
        case RSAPublicKey():
            return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        case EllipticCurvePublicKey():
            return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        case _:
            return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_certificates(paths: tuple[Path, ...]) -> tuple[Certificate, ...]:
    """Read certificate files (`.cer`, `.pem`).

    Raises:
        ConfigurationError: names every file that is missing or malformed.
    """
    certificates, faults = [], []
    for path in paths:
        try:
            certificates.append(parse_certificate(path.read_bytes()))
        except (OSError, ConfigurationError) as error:
            faults.append(unusable(path, error))
    if faults:
        raise ConfigurationError("; ".join(faults))
    return tuple(certificates)


def unusable(path: Path, error: OSError | ConfigurationError) -> str:
    """Return why no certificate came from a file, which the system's own message would name once more."""
    reason = error.strerror if isinstance(error, OSError) else error.message
    return f"cannot read the certificate {path}: {reason}"


def client_context(
    certificate: bytes, password: str | None = None, *, authority: Path | None = None
) -> ssl.SSLContext:
    """Return a context that authenticates with `certificate` (PEM with its key, or PFX) and trusts `authority` alone
    (None: the system's authorities).

    Raises:
        ConfigurationError: certificate, key, password or authority do not fit; none of them is in the message.
    """
    try:
        context = ssl.create_default_context(cafile=authority)
        key, chain = read_key_and_chain(certificate, password)
        if sys.platform == "linux":
            load_from_memory(context, key, chain)
        else:
            load_from_encrypted_file(context, key, chain)
    except (ValueError, TypeError, OSError) as error:
        raise ConfigurationError(
            f"cannot load the client certificate or its authority: {type(error).__name__}"
        ) from None
    return context


def read_key_and_chain(certificate: bytes, password: str | None) -> tuple[PrivateKeyTypes, bytes]:
    """Return the private key and the certificates in PEM form, the leaf first."""
    secret = password.encode() if password else None
    if PEM_BEGIN in certificate:
        key = load_pem_private_key(private_key_block(certificate), secret)
        chain = x509.load_pem_x509_certificates(certificate)
        return key, b"".join(map(to_pem, chain))
    pfx_key, leaf, others = load_key_and_certificates(certificate, secret)
    if pfx_key is None or leaf is None:
        raise ValueError("a PFX without key or certificate")
    return pfx_key, b"".join(map(to_pem, [leaf, *others]))


def private_key_block(content: bytes) -> bytes:
    """Return what follows the PEM label of a private key; the loader reads the first block only."""
    for part in content.split(PEM_BEGIN):
        if part.split(b"-----")[0].endswith(b"PRIVATE KEY"):
            return PEM_BEGIN + part
    raise ValueError("no private key")


def to_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def key_to_pem(key: PrivateKeyTypes, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def load_from_memory(context: ssl.SSLContext, key: PrivateKeyTypes, chain: bytes) -> None:
    """Load from a file that has no name and no disk."""
    assert sys.platform == "linux"
    descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(chain + key_to_pem(key, NoEncryption()))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")


def load_from_encrypted_file(context: ssl.SSLContext, key: PrivateKeyTypes, chain: bytes) -> None:
    """Load where there is no memfd (macOS, Windows): from a short-lived file in which the key is encrypted under a
    password that never leaves this process."""
    password = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "client.pem"
        path.write_bytes(chain + key_to_pem(key, BestAvailableEncryption(password.encode())))
        context.load_cert_chain(path, password=password)
