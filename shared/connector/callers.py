"""Who calls the connector: the subject of a bearer token where the operator asks for one, else whoever has a key.

A function key is the platform's to check, before a function runs; it does not say which key it was. So all who come
with a key are one caller, and a token gives each a name: to operations, to events, and to the space of its idempotency
keys (P4). Why a token is not good is in the log, not in the answer.
"""

import logging
import re
from dataclasses import dataclass

from shared.bearer_tokens.tokens import (
    SKEW,
    ExpiredTokenError,
    InvalidTokenError,
    Tokens,
    TrustedIssuer,
    VerifiedToken,
)
from shared.clock import Clock
from shared.errors import AuthenticationError, TokenError

logger = logging.getLogger(__name__)

KEY = "key"
"""The name of all who come without a token."""
RESERVED = re.compile(r"key|queue:.*|sqs:.*", re.IGNORECASE)
"""What callers of other kinds are named; a subject of that name would share their idempotency keys."""
LONGEST_NAME = 200
BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What a token must list among its roles or scopes; `write` opens reads too."""

    read: str
    write: str


class Callers:
    """Names whoever calls; with an `issuer` only those who bring a good token of it."""

    def __init__(
        self, issuer: TrustedIssuer | None, *, roles: Roles, identity_clock: Clock
    ) -> None:
        self._issuer = issuer
        self._roles = roles
        issuers = [] if issuer is None else [issuer]
        self._tokens = Tokens(issuers, identity_clock, leeway=SKEW)

    async def name(self, authorization: str | None, *, is_change: bool) -> str:
        """Return the name of the caller who sent this header `Authorization`.

        Raises:
            TokenError: there is no bearer token, or it is not good.
            AuthenticationError: it opens reads alone, or nothing.
            TransientError: the keys of its issuer cannot be had at present.
        """
        if self._issuer is None:
            return KEY
        token = await self._token(authorization, self._issuer)
        needed = [self._roles.write] if is_change else [self._roles.read, self._roles.write]
        if token.grants.isdisjoint(role.lower() for role in needed):
            raise self._forbidden(token, needed, is_change=is_change)
        return token.subject

    async def _token(self, authorization: str | None, issuer: TrustedIssuer) -> VerifiedToken:
        if authorization is None:
            raise refused("no bearer token", "a bearer token is required", issuer=issuer)
        bearer = BEARER.fullmatch(authorization)
        if bearer is None:
            message = "the header Authorization holds no bearer token"
            raise refused(message, message, issuer=issuer)
        try:
            token = await self._tokens.verify(bearer[1])
        except ExpiredTokenError as error:
            raise refused(str(error), str(error), issuer=issuer, error="invalid_token") from None
        except InvalidTokenError as error:
            message = "the bearer token is not good"
            raise refused(str(error), message, issuer=issuer, error="invalid_token") from None
        if not is_name(token.subject):
            reason = "it names nobody, or as only other kinds of callers are named"
            message = "the bearer token is not good"
            raise refused(reason, message, issuer=issuer, error="invalid_token")
        return token

    def _forbidden(
        self, token: VerifiedToken, needed: list[str], *, is_change: bool
    ) -> AuthenticationError:
        tell(f"{token.subject} lacks {' or '.join(needed)}")
        error = AuthenticationError(
            f"the token of {token.subject!r} has neither role nor scope {' or '.join(needed)},"
            f" which {'changes' if is_change else 'reads'} need",
            code="AuthorizationFailed",
        )
        error.headers["www-authenticate"] = (
            f'Bearer error="insufficient_scope", scope="{needed[0]}"'
        )
        return error


def is_name(subject: str) -> bool:
    """Whether a caller can go by this name: it stands in rows, events and logs."""
    # Blanks at its ends nobody sees: " key" would pass for all who come with a key.
    is_text = subject.isprintable() and subject == subject.strip()
    return is_text and 1 <= len(subject) <= LONGEST_NAME and RESERVED.fullmatch(subject) is None


def refused(
    reason: str, message: str, *, issuer: TrustedIssuer, error: str | None = None
) -> TokenError:
    """Log what the operator should know, and return what the caller may (RFC 6750, 3)."""
    tell(reason)
    challenge = f'Bearer realm="tocsin", authorization_uri="{issuer.name}"'
    if error is not None:
        challenge += f', error="{error}", error_description="{message}"'
    return TokenError(message, challenge=challenge)


def tell(reason: str) -> None:
    logger.info("caller refused", extra={"action": "authenticate", "reason": reason})
