"""A client certificate with its key, as a job brings it: base64 of a PKCS#12 file, a `.pfx`."""

import base64
import warnings
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from shared.wire.distinguished_name import dotnet_name

CANNOT_BE_OPENED = (
    "cannot be opened: it is no PKCS#12 file in base64, or the password beside it is not its own"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What is told of a certificate; the thumbprint is SHA-1 in upper-case hex, as .NET has it."""

    thumbprint: str
    expires_at: datetime
    subject_name: str


def open_pfx(pfx: str, password: str) -> ClientCertificate:
    """Return what a `.pfx` holds; without a password it is empty.

    Raises:
        ValueError: it cannot be opened, or lacks the key or the certificate; the message shows nothing of it.
    """
    if "\0" in password:  # a panic of the library, which no handler of exceptions would stop
        raise ValueError(CANNOT_BE_OPENED)
    try:
        # .NET takes blanks and ends of line in base64.
        content = base64.b64decode("".join(pfx.split()), validate=True)
        has_key, told = _read(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(CANNOT_BE_OPENED) from None
    if not has_key:
        raise ValueError("holds no private key")
    if told is None:
        raise ValueError("holds no certificate that belongs to its private key")
    return told


def _read(content: bytes, password: str) -> tuple[bool, ClientCertificate | None]:
    """Return whether there is a key, and its certificate if there is one."""
    with warnings.catch_warnings():
        # Of negative serial numbers, as the retired service's own test certificate has one, and of other old sins.
        warnings.simplefilter("ignore")
        found = load_pkcs12(content, password.encode() or None)
        told = None if found.cert is None else _described(found.cert.certificate)
    return found.key is not None, told


def _described(certificate: x509.Certificate) -> ClientCertificate:
    return ClientCertificate(
        thumbprint=certificate.fingerprint(SHA1()).hex().upper(),
        expires_at=certificate.not_valid_after_utc,
        subject_name=dotnet_name(certificate.subject),
    )
