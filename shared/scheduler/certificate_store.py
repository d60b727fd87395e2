"""The port to the management certificates of each subscription."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCertificate:
    """A certificate that was uploaded to a subscription (in lower case), and when it was revoked, if it was.

    `fingerprint` is its identity; `thumbprint` the name that callers know it by. Neither tells more than `der` does.
    """

    subscription: str
    fingerprint: str
    thumbprint: str
    der: bytes = field(repr=False)
    uploaded_at: datetime
    revoked_at: datetime | None = None


class CertificateStore(Protocol):
    """Plain functions of a connection, as those of `store.py`. A row is never removed: a revocation is remembered."""

    def list(self, connection: Connection) -> Sequence[StoredCertificate]:
        """Return those of every subscription, revoked ones too, oldest first."""

    def list_of(self, connection: Connection, subscription: str) -> Sequence[StoredCertificate]:
        """Return those of one subscription, revoked ones too, oldest first."""

    def put(self, connection: Connection, row: StoredCertificate) -> None:
        """Add it, or replace the one of the same subscription and fingerprint."""
