"""The parts that let a caller of the connector in."""

from functools import cached_property

from shared.bearer_tokens.tokens import TrustedIssuer
from shared.bootstrap.foundation import Foundation
from shared.bootstrap.token_keys import TokenKeys
from shared.connector.callers import Callers, Roles
from shared.connector.request_rate import RequestRate
from shared.errors import ConfigurationError
from shared.settings import ConnectorAuth, Settings

ALGORITHMS = ("RS256", "ES256")
GRANTS_CLAIMS = ("roles", "scp")
"""App roles, and the scopes of a user who signed in: Entra ID's names."""
SUBJECT_CLAIMS = ("oid", "sub")
"""`oid` is the same for all applications of a tenant, and `sub` is what every other issuer has."""


class AdmissionParts:
    """Each is built when it is first asked for."""

    def __init__(self, foundation: Foundation) -> None:
        self._on = foundation

    @cached_property
    def callers(self) -> Callers:
        """Raises ConfigurationError for half an issuer, and where neither a key nor a token would be asked for."""
        settings = self._on.settings
        return Callers(
            self._issuer(settings),
            roles=Roles(
                read=settings.connector_token_read_role, write=settings.connector_token_write_role
            ),
            identity_clock=self._on.identity_clock,
        )

    @cached_property
    def request_rate(self) -> RequestRate | None:
        most = self._on.settings.max_requests_per_second
        return None if most is None else RequestRate(most)

    async def close(self) -> None:
        """Close what was built."""
        if "_keys" in self.__dict__:
            await self._keys.close()

    def _issuer(self, settings: Settings) -> TrustedIssuer | None:
        name = settings.connector_token_issuer
        audience = settings.connector_token_audience
        key_set = settings.connector_token_key_set
        if name and audience and key_set:
            return TrustedIssuer(
                name=name,
                audience=audience,
                keys=self._keys.at(key_set, setting="TOCSIN_CONNECTOR_TOKEN_KEY_SET"),
                grants_claims=GRANTS_CLAIMS,
                subject_claims=SUBJECT_CLAIMS,
                algorithms=ALGORITHMS,
            )
        if name or audience or key_set:
            raise ConfigurationError(
                "TOCSIN_CONNECTOR_TOKEN_ISSUER, TOCSIN_CONNECTOR_TOKEN_AUDIENCE and"
                " TOCSIN_CONNECTOR_TOKEN_KEY_SET go together"
            )
        if settings.connector_auth is ConnectorAuth.TOKEN:
            raise ConfigurationError(
                "TOCSIN_CONNECTOR_AUTH=token needs TOCSIN_CONNECTOR_TOKEN_ISSUER: nobody would be asked for anything"
            )
        return None

    @cached_property
    def _keys(self) -> TokenKeys:
        return TokenKeys(self._on.guard, self._on.identity_clock)
