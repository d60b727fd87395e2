"""The management certificates of every subscription: who may come with which, and since when and until when.

Truth is the table; a process keeps a copy, so that a request costs no query. Each change here drops the copy after its
commit and before its answer, so the very next request of this process is judged by what is stored then. Another
process sees a change when its sweep next calls `refresh`, 30 s at most. While the table cannot be read nobody passes.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection

from shared.clock import Clock
from shared.errors import ConfigurationError, ConflictError, NotFoundError
from shared.scheduler.certificate_store import CertificateStore, StoredCertificate
from shared.scheduler.service.locking import lock_subscription
from shared.sql.database import Database, Transaction
from shared.tls import Certificate, fingerprint, parse_certificate

logger = logging.getLogger(__name__)

EXPIRES_SOON = timedelta(days=30)
MAX_CERTIFICATES = 100
"""Of one subscription, revoked ones not counted, as the retired service had it in its last years."""


@dataclass(frozen=True, slots=True)
class ManagementCertificate:
    """A stored certificate and what is in it."""

    stored: StoredCertificate
    certificate: Certificate

    def refusal(self, now: datetime) -> str | None:
        """Return why nobody passes with it at this instant; None when its holder does."""
        stored, certificate = self.stored, self.certificate
        if stored.revoked_at is not None:
            return f"certificate {stored.thumbprint} was revoked at {stored.revoked_at.isoformat()}"
        refusal = certificate.refusal(now)
        return None if refusal is None else f"certificate {stored.thumbprint} {refusal}"


Known = Mapping[str, Mapping[str, ManagementCertificate]]
"""By fingerprint and subscription."""


class ManagementCertificates:
    """What was uploaded, judged by the clock of identities."""

    def __init__(
        self, database: Database, store: CertificateStore, *, identity_clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._clock = identity_clock
        self._known: Known | None = None
        self._changes = 0
        self._loading = asyncio.Lock()
        self._warned_on = date.min
        self._warned: set[tuple[str, str]] = set()

    async def refusal(self, der: bytes, subscription: str) -> str | None:
        """Return why the holder of a certificate may not act for a subscription; None when they may."""
        known = self._known
        if known is None:
            known = await self._load()
        identity = fingerprint(der)
        of = known.get(identity)
        if of is None:
            return f"certificate {identity} is not registered"
        found = of.get(subscription.lower())
        if found is None:
            return f"certificate {identity} is registered for another subscription"
        return found.refusal(self._clock.now())

    async def refresh(self) -> None:
        """Read the table again, and warn of what ends within 30 days: once for each certificate and day."""
        self._forget()
        await self._load()

    def upload(self, transaction: Transaction, subscription: str, certificate: Certificate) -> None:
        """Let the holder of a certificate act for a subscription, from the commit on; also of one that was revoked.

        Raises:
            ConflictError: the subscription has as many as it may have.
        """
        stored = self._store.list_of(transaction.connection, subscription.lower())
        valid = [one for one in stored if one.revoked_at is None]
        if any(one.fingerprint == certificate.fingerprint for one in valid):
            return
        if len(valid) >= MAX_CERTIFICATES:
            raise ConflictError(
                f"The subscription has {MAX_CERTIFICATES} management certificates, which is the limit."
            )
        row = StoredCertificate(
            subscription=subscription.lower(),
            fingerprint=certificate.fingerprint,
            thumbprint=certificate.thumbprint,
            der=certificate.der,
            uploaded_at=self._clock.now(),
        )
        self._put(transaction, row, "uploaded")

    def revoke(self, transaction: Transaction, subscription: str, thumbprint: str) -> None:
        """Let nobody pass with a certificate from the commit on.

        Raises:
            NotFoundError: the subscription has none of this thumbprint, or it is revoked already.
        """
        found = self.find(transaction.connection, subscription, thumbprint).stored
        self._put(transaction, replace(found, revoked_at=self._clock.now()), "revoked")

    def find(
        self, connection: Connection, subscription: str, thumbprint: str
    ) -> ManagementCertificate:
        """Return the certificate of a thumbprint (in any case) that is not revoked.

        Raises:
            NotFoundError: there is none.
        """
        for one in self.list(connection, subscription):
            if one.stored.revoked_at is None and one.stored.thumbprint == thumbprint.upper():
                return one
        raise NotFoundError(f"The management certificate '{thumbprint}' was not found.")

    def list(self, connection: Connection, subscription: str) -> Sequence[ManagementCertificate]:
        """Return the certificates of a subscription, revoked ones too, oldest first."""
        return [parsed(row) for row in self._store.list_of(connection, subscription.lower())]

    async def introduce(self, subscription: str, certificate: Certificate) -> ManagementCertificate:
        """Upload a certificate that the operator names at each start, unless it was revoked meanwhile, and return it as
        it is stored then."""

        def introduce(transaction: Transaction) -> ManagementCertificate:
            lock_subscription(transaction, subscription)
            stored = self._named(transaction.connection, subscription, certificate)
            if stored is None or stored.revoked_at is None:
                self.upload(transaction, subscription, certificate)
                stored = self._named(transaction.connection, subscription, certificate)
            assert stored is not None
            return ManagementCertificate(stored, certificate)

        return await self._database.run(introduce)

    def _named(
        self, connection: Connection, subscription: str, certificate: Certificate
    ) -> StoredCertificate | None:
        stored = self._store.list_of(connection, subscription.lower())
        return next((one for one in stored if one.fingerprint == certificate.fingerprint), None)

    def _put(self, transaction: Transaction, row: StoredCertificate, change: str) -> None:
        self._store.put(transaction.connection, row)

        def tell() -> None:
            self._forget()
            logger.info(
                "a management certificate was %s",
                change,
                extra={
                    "action": change,
                    "subscription": row.subscription,
                    "thumbprint": row.thumbprint,
                },
            )
            self._warn([parsed(row)])

        transaction.on_commit(tell)

    def _forget(self) -> None:
        self._changes += 1
        self._known = None

    async def _load(self) -> Known:
        async with self._loading:
            while self._known is None:
                # What was read before a change is no longer true when it is kept after it.
                changes = self._changes
                rows = [parsed(row) for row in await self._database.read(self._store.list)]
                if changes == self._changes:
                    self._known = indexed(rows)
                    self._warn(rows)
            return self._known

    def _warn(self, certificates: Sequence[ManagementCertificate]) -> None:
        now = self._clock.now()
        if now.date() != self._warned_on:
            self._warned_on = now.date()
            self._warned.clear()
        for one in certificates:
            stored, ends = one.stored, one.certificate.not_after
            key = (stored.subscription, stored.fingerprint)
            if key in self._warned or not is_ending(one, now):
                continue
            self._warned.add(key)
            logger.warning(
                "the management certificate %s of subscription %s expires at %s",
                stored.thumbprint,
                stored.subscription,
                ends.isoformat(),
                extra={
                    "action": "warn",
                    "subscription": stored.subscription,
                    "thumbprint": stored.thumbprint,
                    "expires": ends.isoformat(),
                },
            )


def is_ending(one: ManagementCertificate, now: datetime) -> bool:
    """Whether it is good now and will not be in 30 days."""
    return one.refusal(now) is None and one.certificate.not_after < now + EXPIRES_SOON


def indexed(rows: Sequence[ManagementCertificate]) -> Known:
    known: defaultdict[str, dict[str, ManagementCertificate]] = defaultdict(dict)
    for row in rows:
        known[row.stored.fingerprint][row.stored.subscription] = row
    return known


def parsed(row: StoredCertificate) -> ManagementCertificate:
    return ManagementCertificate(row, parsed_der(row.der))


@lru_cache(maxsize=1024)
def parsed_der(der: bytes) -> Certificate:
    return parse_certificate(der)


def read_certificate(content: bytes) -> Certificate:
    """Return a certificate in DER or PEM form that may be a management certificate.

    Raises:
        ConfigurationError: it is none, or of another version of X.509 than 3.
    """
    certificate = parse_certificate(content)
    if not certificate.is_version_3:
        raise ConfigurationError(
            "the certificate is not of version 3 of X.509, as management certificates are"
        )
    return certificate
