"""What a request shows of who sends it: each type of authentication, its secrets opened for one attempt."""

import base64
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.scheduler.action import Attempt, sealing_context_of, target_host
from shared.scheduler.actions.access_tokens import (
    AccessToken,
    AccessTokens,
    NoCredentialsError,
    TokenClient,
)
from shared.scheduler.actions.client_contexts import ClientContexts
from shared.scheduler.actions.echoes import Echoes
from shared.scheduler.actions.record_message import no_certificate_message
from shared.sealing import Sealer
from shared.wire.authentication import (
    ActiveDirectoryOAuthAuthentication,
    BasicAuthentication,
    ClientCertificateAuthentication,
)
from shared.wire.http_action import HttpRequest

if TYPE_CHECKING:
    from shared.outbound.session import OutboundSession

NO_ECHOES = Echoes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What goes with a request; `echoes` knows what of it a target may send back.

    `kept_token` is there where the token was not asked for just now: the target may think otherwise of it by then.
    """

    authorization: str | None = field(default=None, repr=False)
    context: ssl.SSLContext | None = None
    echoes: Echoes = NO_ECHOES
    kept_token: AccessToken | None = None


class Credentials:
    """Opens secrets, loads certificates and gets tokens."""

    def __init__(self, *, sealer: Sealer, tokens: AccessTokens, contexts: ClientContexts) -> None:
        self._sealer = sealer
        self._tokens = tokens
        self._contexts = contexts

    async def proof(
        self,
        attempt: Attempt,
        request: HttpRequest,
        session: "OutboundSession",
        *,
        instead_of: AccessToken | None = None,
        time_limit: timedelta,
    ) -> Proof:
        """Return what `request` is sent with; its token, if it needs one, is not `instead_of`.

        Raises:
            NoCredentialsError: no token is given, or the certificate cannot be used.
        """
        match request.authentication:
            case None:
                return Proof()
            case BasicAuthentication() as basic:
                return self._basic(attempt, basic)
            case ClientCertificateAuthentication() as certificate:
                return self._certificate(attempt, certificate, host=target_host(request.uri))
            case ActiveDirectoryOAuthAuthentication() as oauth:
                client = TokenClient(
                    tenant=oauth.tenant,
                    audience=oauth.audience,
                    client_id=oauth.client_id,
                    secret=self._opened(attempt, oauth.secret),
                )
                kept = self._tokens.kept(client)
                if kept is not None and kept != instead_of:
                    return bearer(kept, is_kept=True)
                fetched = await self._tokens.fetch(
                    session, client, instead_of=instead_of, time_limit=time_limit
                )
                return bearer(fetched, is_kept=False)
            case _ as never:
                assert_never(never)

    async def close(self) -> None:
        """Give up the requests for tokens."""
        await self._tokens.close()

    def _basic(self, attempt: Attempt, basic: BasicAuthentication) -> Proof:
        password = self._opened(attempt, basic.password)
        credentials = base64.b64encode(f"{basic.username}:{password}".encode()).decode()
        return Proof(
            authorization=f"Basic {credentials}", echoes=Echoes(password, credentials.rstrip("="))
        )

    def _certificate(
        self, attempt: Attempt, certificate: ClientCertificateAuthentication, *, host: str
    ) -> Proof:
        # The target never gets to see these two: to mask them in what it answers would tell it what they are.
        pfx = self._opened(attempt, certificate.pfx)
        password = self._opened(attempt, certificate.password) if certificate.password else ""
        try:
            return Proof(context=self._contexts.context(pfx, password))
        except ConfigurationError:
            raise NoCredentialsError(no_certificate_message(host)) from None

    def _opened(self, attempt: Attempt, sealed: SecretStr) -> str:
        return self._sealer.unseal(sealed.get_secret_value(), context=sealing_context_of(attempt))


def bearer(token: AccessToken, *, is_kept: bool) -> Proof:
    return Proof(
        authorization=f"Bearer {token.text}",
        echoes=token.echoes,
        kept_token=token if is_kept else None,
    )
