"""The parts that decide who may call the Scheduler service."""

import logging
import shlex
from functools import cached_property
from pathlib import Path

from shared.bearer_tokens.key_sets import FileKeySet
from shared.bearer_tokens.tokens import Tokens, TrustedIssuer
from shared.bootstrap.token_keys import TokenKeys
from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.local_issuer import AUDIENCE, ISSUER, SUBSCRIPTIONS_CLAIM, LocalIssuer, public_key_set
from shared.outbound.guard import AddressGuard
from shared.scheduler.service.authentication import Authentication
from shared.scheduler.service.certificates import ManagementCertificates, read_certificate
from shared.scheduler.stores.certificates import SqlCertificates
from shared.settings import Settings
from shared.sql.database import Database
from shared.tls import Certificate, unusable

logger = logging.getLogger(__name__)

# Where Azure's own answers send a caller without a token.
AUTHORIZATION_URI = "https://login.windows.net/common"


class IdentityParts:
    """Each is built when it is first asked for."""

    def __init__(
        self, settings: Settings, database: Database, guard: AddressGuard, *, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._guard = guard
        self._clock = clock

    @cached_property
    def certificates(self) -> ManagementCertificates:
        return ManagementCertificates(self._database, SqlCertificates(), identity_clock=self._clock)

    @cached_property
    def authentication(self) -> Authentication:
        settings = self._settings
        return Authentication(
            self.certificates,
            Tokens(self._issuers(), self._clock),
            identity_clock=self._clock,
            is_behind_app_service=settings.behind_app_service,
            authorization_uri=settings.token_issuer or AUTHORIZATION_URI,
        )

    async def introduce(self, subscription: str, path: Path) -> None:
        """Upload the certificate in a file to a subscription, unless it was revoked there.

        Raises:
            ConfigurationError: the file is missing, or holds no certificate that may be a management certificate.
        """
        introduced = await self.certificates.introduce(subscription, load_certificate(path))
        refusal = introduced.refusal(self._clock.now())
        if refusal is None:
            return
        advice = ""
        if introduced.stored.revoked_at is not None:
            folder = self._settings.data_dir.resolve()
            words = (
                "certificates",
                "upload",
                path,
                "--data",
                folder,
                "--subscription",
                subscription,
            )
            advice = f"; to let its holder in again: tocsin {shlex.join(map(str, words))}"
        logger.warning(
            "subscription %s: %s is named at the start, but nobody passes with it: %s%s",
            *(subscription, path, refusal, advice),
            extra={"action": "introduce", "thumbprint": introduced.stored.thumbprint},
        )

    async def close(self) -> None:
        """Close the connections to issuers."""
        if "_keys" in self.__dict__:
            await self._keys.close()

    def _issuers(self) -> list[TrustedIssuer]:
        settings = self._settings
        issuers = []
        if settings.local_issuer:
            local = LocalIssuer(settings.data_dir)
            local.prepare()
            issuers.append(
                TrustedIssuer(
                    name=ISSUER,
                    audience=AUDIENCE,
                    grants_claims=(SUBSCRIPTIONS_CLAIM,),
                    keys=FileKeySet(local.key_file, public_key_set),
                )
            )
        if settings.token_issuer is not None and settings.token_key_set is not None:
            issuers.append(
                TrustedIssuer(
                    name=settings.token_issuer,
                    audience=settings.token_audience,
                    grants_claims=(settings.token_subscriptions_claim,),
                    keys=self._keys.at(settings.token_key_set, setting="TOCSIN_TOKEN_KEY_SET"),
                )
            )
        elif settings.token_issuer is not None or settings.token_key_set is not None:
            raise ConfigurationError("TOCSIN_TOKEN_ISSUER and TOCSIN_TOKEN_KEY_SET go together")
        return issuers

    @cached_property
    def _keys(self) -> TokenKeys:
        return TokenKeys(self._guard, self._clock)


def load_certificate(path: Path) -> Certificate:
    try:
        return read_certificate(path.read_bytes())
    except (OSError, ConfigurationError) as error:
        raise ConfigurationError(unusable(path, error)) from error
