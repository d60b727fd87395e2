"""What a request shows of its caller; it goes no further than the door."""

import base64
import binascii
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from shared.errors import ConfigurationError
from shared.tls import parse_certificate

CLIENT_CERTIFICATE = b"x-arr-clientcert"
AUTHORIZATION = b"authorization"
MAX_HEADER = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The client's certificate of the TLS connection in DER form, and the two headers, as they came."""

    certificate: bytes | None = None
    certificate_headers: tuple[bytes, ...] = ()
    authorization: bytes | None = field(default=None, repr=False)


def take_credentials(
    scope: Mapping[str, Any], headers: MutableMapping[bytes, bytes]
) -> Credentials:
    """Return the credentials of a request and take them out of `headers`."""
    certificate_headers: tuple[bytes, ...] = ()
    if headers.pop(CLIENT_CERTIFICATE, None) is not None:
        certificate_headers = tuple(
            value for name, value in scope["headers"] if name.lower() == CLIENT_CERTIFICATE
        )
    return Credentials(
        certificate=scope.get("extensions", {}).get("tls", {}).get("client_cert_der"),
        certificate_headers=certificate_headers,
        authorization=headers.pop(AUTHORIZATION, None),
    )


@lru_cache(maxsize=256)
def certificate_in_header(value: bytes) -> bytes | None:
    """Return the DER form of the certificate in `X-ARR-ClientCert`: Base64 of it, or PEM in URL encoding.

    None when it is neither.
    """
    if len(value) > MAX_HEADER:
        return None
    try:
        if value.startswith(b"-----BEGIN"):
            return parse_certificate(unquote_to_bytes(value)).der
        return base64.b64decode(value, validate=True) or None
    except (binascii.Error, ConfigurationError):
        return None
