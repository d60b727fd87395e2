"""The management certificates of a service: of one that runs, over HTTPS; of a folder without one, in its database."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import aiohttp
from sqlalchemy import Connection

from shared.bootstrap.stored_certificates import StoredCertificates, stored_certificates
from shared.cli.connector_token import read_token_file
from shared.cli.listening import running_service
from shared.clock import Clock
from shared.errors import ConfigurationError, NotFoundError, PermanentError, TransientError
from shared.local_issuer import LocalIssuer
from shared.scheduler.service.certificate_endpoints import shape
from shared.tls import Certificate
from shared.wire.errors import read_error
from shared.wire.management_certificate import (
    SubscriptionCertificate,
    decode_certificates,
    encode_upload,
)

TOKEN_LIFETIME = timedelta(minutes=5)
TIME_LIMIT = aiohttp.ClientTimeout(total=30)
VERSION = {"x-ms-version": "2014-10-01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the certificates are: a data folder, or a service with a token for it and who signed its certificate."""

    folder: Path
    url: str | None = None
    token_file: Path | None = None
    authority: Path | None = None


class CertificateAccess(Protocol):
    """The certificates of one subscription."""

    async def list(self) -> Sequence[SubscriptionCertificate]:
        """Return them, revoked ones too, oldest first."""

    async def upload(self, certificate: Certificate) -> None:
        """Let its holder manage the subscription."""

    async def revoke(self, thumbprint: str) -> None:
        """Let nobody pass with it from now on. Raises NotFoundError."""


@asynccontextmanager
async def certificate_access(
    place: Place, subscription: str, clock: Clock
) -> AsyncIterator[CertificateAccess]:
    """Open the certificates of a subscription.

    Raises:
        ConfigurationError: the place, the token or the authority cannot be used.
    """
    url, authority = place.url, place.authority
    if url is None:
        running = running_service(place.folder)
        if running is None:
            async with stored_certificates(place.folder, clock=clock) as stored:
                yield StoredAccess(stored, subscription)
            return
        url, authority = running.url, running.authority
    token = read_token(place, subscription, clock)
    connector = aiohttp.TCPConnector(ssl=context_of(authority))
    headers = {"authorization": f"Bearer {token}", **VERSION}
    async with aiohttp.ClientSession(
        connector=connector, headers=headers, timeout=TIME_LIMIT
    ) as session:
        yield RemoteAccess(session, f"{url.rstrip('/')}/{subscription}/certificates")


def read_token(place: Place, subscription: str, clock: Clock) -> str:
    if place.url is None:
        issuer = LocalIssuer(place.folder)
        return issuer.issue(subscription, lifetime=TOKEN_LIFETIME, now=clock.now())
    if not place.url.startswith("https://"):
        raise ConfigurationError(f"--url must be one of https, not {place.url}")
    if place.token_file is None:
        raise ConfigurationError("--url needs --token-file, a file with a bearer token")
    return read_token_file(place.token_file)


def context_of(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise ConfigurationError(f"cannot load the authority {authority}: {error}") from error


@dataclass(frozen=True, slots=True)
class StoredAccess:
    """See `CertificateAccess`."""

    stored: StoredCertificates
    subscription: str

    async def list(self) -> Sequence[SubscriptionCertificate]:
        def query(connection: Connection) -> Sequence[SubscriptionCertificate]:
            found = self.stored.certificates.list(connection, self.subscription)
            return [shape(one) for one in found]

        return await self.stored.database.read(query)

    async def upload(self, certificate: Certificate) -> None:
        certificates = self.stored.certificates
        await self.stored.database.run(
            lambda tx: certificates.upload(tx, self.subscription, certificate)
        )

    async def revoke(self, thumbprint: str) -> None:
        certificates = self.stored.certificates
        await self.stored.database.run(
            lambda tx: certificates.revoke(tx, self.subscription, thumbprint)
        )


def reason_of(error: aiohttp.ClientConnectorCertificateError) -> str:
    found = error.certificate_error
    return found.verify_message if isinstance(found, ssl.SSLCertVerificationError) else str(found)


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """See `CertificateAccess`."""

    session: aiohttp.ClientSession = field(repr=False)
    url: str

    async def list(self) -> Sequence[SubscriptionCertificate]:
        return decode_certificates(await self._request("GET", f"{self.url}?state=all"))

    async def upload(self, certificate: Certificate) -> None:
        body = encode_upload(
            public_key=certificate.public_key,
            thumbprint=certificate.thumbprint,
            data=certificate.der,
        )
        await self._request("POST", self.url, body)

    async def revoke(self, thumbprint: str) -> None:
        await self._request("DELETE", f"{self.url}/{thumbprint}")

    async def _request(self, method: str, url: str, body: bytes | None = None) -> bytes:
        try:
            async with self.session.request(
                method, url, data=body, headers={"content-type": "application/xml"}
            ) as response:
                content = await response.read()
                status = response.status
        except aiohttp.ClientConnectorCertificateError as error:
            raise ConfigurationError(
                f"the certificate of {self.url} is not trusted: {reason_of(error)};"
                " name who signed it with --ca FILE"
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise TransientError(f"nothing listens at {self.url}") from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise TransientError(f"nothing answers at {self.url}: {error}") from error
        if status < 300:
            return content
        said = read_error(content)
        message = said.message if said else f"the service answered {status}"
        raise NotFoundError(message) if status == 404 else PermanentError(message)
