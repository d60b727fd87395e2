"""A client certificate with its key, as a job brings it: base64 of a PKCS#12 file, a `.pfx`."""

import base64
import warnings
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.utils import CryptographyDeprecationWarning

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
        with warnings.catch_warnings():
            # Old makers gave negative serial numbers; the retired service's own test certificate has one.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            found = load_pkcs12(content, password.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(CANNOT_BE_OPENED) from None
    if found.key is None:
        raise ValueError("holds no private key")
    if found.cert is None:
        raise ValueError("holds no certificate that belongs to its private key")
    return _described(found.cert.certificate)


def _described(certificate: x509.Certificate) -> ClientCertificate:
    try:
        return ClientCertificate(
            thumbprint=certificate.fingerprint(SHA1()).hex().upper(),
            expires_at=certificate.not_valid_after_utc,
            subject_name=dotnet_name(certificate.subject),
        )
    except ValueError:
        raise ValueError("holds a malformed certificate") from None
