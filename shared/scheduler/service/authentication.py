"""Who may call: on classic paths the holder of a management certificate, on ARM's of a bearer token.

The answer never says more than the retired service did; the reason is in the log.
"""

import logging
import re
from datetime import datetime

from shared.bearer_tokens.tokens import (
    ExpiredTokenError,
    InvalidTokenError,
    Tokens,
    VerifiedToken,
)
from shared.clock import Clock
from shared.errors import AuthenticationError, TokenError
from shared.scheduler.service.certificates import ManagementCertificates
from shared.scheduler.service.credentials import Credentials, certificate_in_header

logger = logging.getLogger(__name__)

LONGEST_SUBJECT = 200
BEARER = re.compile(rb"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)

MISSING = "Authentication failed. The 'Authorization' header is missing."
MALFORMED = "Authentication failed. The 'Authorization' header is provided in an invalid format."
INVALID = "The access token is invalid."


class Authentication:
    """Judges credentials by what is registered; identities are the machine's clock's, whatever a rehearsal's date."""

    def __init__(
        self,
        certificates: ManagementCertificates,
        tokens: Tokens,
        *,
        identity_clock: Clock,
        is_behind_app_service: bool = False,
        authorization_uri: str,
    ) -> None:
        """Behind App Service the client's certificate is in a header, which nobody else may be believed.

        `authorization_uri` is where callers are told to get a token.
        """
        self._certificates = certificates
        self._tokens = tokens
        self._clock = identity_clock
        self._is_behind_app_service = is_behind_app_service
        self._authorization_uri = authorization_uri

    async def check_certificate(self, credentials: Credentials, subscription: str) -> None:
        """Raises AuthenticationError unless a management certificate of the subscription was shown."""
        reason = await self._certificate_refusal(credentials, subscription)
        if reason is not None:
            raise refused(reason)

    async def check_token(self, credentials: Credentials, subscription: str) -> None:
        """Raises TokenError without a good bearer token, AuthenticationError when it opens other subscriptions."""
        token = await self._token(credentials)
        if subscription.lower() not in token.grants:
            tell("the token opens other subscriptions")
            raise AuthenticationError(
                f"The client '{token.subject[:LONGEST_SUBJECT]}' does not have authorization to perform action over"
                f" scope '/subscriptions/{subscription}' or the scope is invalid. If access was recently granted,"
                " please refresh your credentials.",
                code="AuthorizationFailed",
            )

    async def check_either(self, credentials: Credentials, subscription: str) -> None:
        """Raises AuthenticationError unless a certificate or a token is shown that is good for the subscription."""
        reason = await self._certificate_refusal(credentials, subscription)
        if reason is None:
            return
        if credentials.authorization is None:
            raise refused(reason)
        try:
            token = await self._token(credentials)
        except TokenError:
            raise denied() from None
        if subscription.lower() not in token.grants:
            raise refused("the token opens other subscriptions")

    async def _certificate_refusal(self, credentials: Credentials, subscription: str) -> str | None:
        der = credentials.certificate
        if self._is_behind_app_service:
            shown = credentials.certificate_headers
            if len(shown) > 1:
                return "more than one X-ARR-ClientCert"
            der = certificate_in_header(shown[0]) if shown else None
            if shown and der is None:
                return "X-ARR-ClientCert holds no certificate"
        if der is None:
            return "no client certificate"
        return await self._certificates.refusal(der, subscription)

    async def _token(self, credentials: Credentials) -> VerifiedToken:
        if credentials.authorization is None:
            tell("no bearer token")
            raise self._challenge(
                MISSING,
                code="AuthenticationFailed",
                description="The authentication failed because of missing 'Authorization' header.",
            )
        bearer = BEARER.fullmatch(credentials.authorization)
        if bearer is None:
            tell("the header Authorization holds no bearer token")
            raise self._challenge(MALFORMED, code="AuthenticationFailedInvalidHeader")
        try:
            return await self._tokens.verify(bearer[1].decode())
        except ExpiredTokenError as error:
            tell(str(error))
            message = (
                f"The access token expiry UTC time '{dotnet_time(error.expired_at)}' is earlier than current"
                f" UTC time '{dotnet_time(self._clock.now())}'."
            )
            raise self._challenge(message, code="ExpiredAuthenticationToken") from None
        except InvalidTokenError as error:
            tell(f"the token is not good: {error}")
            raise self._challenge(INVALID, code="InvalidAuthenticationToken") from None

    def _challenge(self, message: str, *, code: str, description: str | None = None) -> TokenError:
        return TokenError(
            message,
            code=code,
            challenge=f'Bearer authorization_uri="{self._authorization_uri}", error="invalid_token",'
            f' error_description="{description or message}"',
        )


def refused(reason: str) -> AuthenticationError:
    """Log what the operator should know, and return what the caller may."""
    tell(reason)
    return denied()


def denied() -> AuthenticationError:
    return AuthenticationError(
        "The server failed to authenticate the request. Verify that the certificate is valid and is "
        "associated with this subscription."
    )


def tell(reason: str) -> None:
    logger.info("caller refused", extra={"action": "authenticate", "reason": reason})


def dotnet_time(instant: datetime) -> str:
    """Return an instant as .NET writes one for people, which is what this message always had."""
    return (
        f"{instant.month}/{instant.day}/{instant.year}"
        f" {(instant.hour + 11) % 12 + 1}:{instant:%M:%S} {'AM' if instant.hour < 12 else 'PM'}"
    )
