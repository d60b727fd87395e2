"""The XML of management certificates, as the documentation of the retired Service Management API has it.

Data and public key are Base64. `Revoked` is ours: only a list that was asked for with `state=all` has such entries.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shared.errors import Fault, InvalidRequestError
from shared.wire.times import format_instant, parse_instant
from shared.wire.xml_elements import XmlElement, parse_xml, write_element, write_root, write_text

ELEMENT = "SubscriptionCertificate"
LIST = "SubscriptionCertificates"
DATA, THUMBPRINT = "SubscriptionCertificateData", "SubscriptionCertificateThumbprint"
PUBLIC_KEY = "SubscriptionCertificatePublicKey"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCertificate:
    """What the service shows of one; `data` is its DER form."""

    public_key: bytes = field(repr=False)
    thumbprint: str
    data: bytes = field(repr=False)
    created: datetime
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedCertificate:
    """What a caller says of one: `data` is its `.cer` file, `thumbprint` what they take for its own, if said."""

    data: bytes = field(repr=False)
    thumbprint: str | None = None


def encode_certificate(certificate: SubscriptionCertificate) -> bytes:
    return write_root(ELEMENT, *_members(certificate))


def encode_certificates(certificates: Iterable[SubscriptionCertificate]) -> bytes:
    return write_root(LIST, *(write_element(ELEMENT, *_members(one)) for one in certificates))


def decode_certificates(content: bytes) -> list[SubscriptionCertificate]:
    """Return what a list holds.

    Raises:
        InvalidRequestError: it is none.
    """
    return [_read(one) for one in parse_xml(content, LIST).children(ELEMENT)]


def encode_upload(*, public_key: bytes, thumbprint: str, data: bytes) -> bytes:
    """Return the body of an upload."""
    return write_root(ELEMENT, *_contents(public_key, thumbprint, data))


def decode_upload(content: bytes) -> UploadedCertificate:
    """Return what is uploaded; the public key is in the certificate, so the one beside it is not looked at.

    Raises:
        InvalidRequestError: with every fault.
    """
    root = parse_xml(content, ELEMENT)
    text = root.word(DATA)
    if text is None:
        raise InvalidRequestError([Fault(DATA, "is missing")])
    return UploadedCertificate(data=_from_base64(text), thumbprint=root.word(THUMBPRINT))


def _members(certificate: SubscriptionCertificate) -> tuple[str, ...]:
    revoked = certificate.revoked
    return (
        *_contents(certificate.public_key, certificate.thumbprint, certificate.data),
        write_text("Created", format_instant(certificate.created)),
        write_text("Revoked", None if revoked is None else format_instant(revoked)),
    )


def _contents(public_key: bytes, thumbprint: str, data: bytes) -> tuple[str, ...]:
    return (
        write_text(PUBLIC_KEY, _to_base64(public_key)),
        write_text(THUMBPRINT, thumbprint),
        write_text(DATA, _to_base64(data)),
    )


def _read(element: XmlElement) -> SubscriptionCertificate:
    try:
        revoked = element.word("Revoked")
        return SubscriptionCertificate(
            public_key=_from_base64(element.word(PUBLIC_KEY) or ""),
            thumbprint=element.word(THUMBPRINT) or "",
            data=_from_base64(element.word(DATA) or ""),
            created=parse_instant(element.word("Created") or ""),
            revoked=None if revoked is None else parse_instant(revoked),
        )
    except ValueError as error:
        raise InvalidRequestError([Fault("Created", str(error))]) from None


def _to_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _from_base64(text: str) -> bytes:
    try:
        # Editors and some clients break it into lines.
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError([Fault(DATA, "is not Base64")]) from None
