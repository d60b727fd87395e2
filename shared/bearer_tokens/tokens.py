"""Bearer tokens: JSON Web Tokens (RFC 7519) of issuers that the operator has named.

Who signs with what is the issuer's decision and ours, never the token's: the algorithm must be of the list and fit the
key, and the key is one of the issuer's set. Instants are judged by the clock of identities. A verified token is
remembered by its hash until it expires, so that a caller who comes again is not verified again.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.bearer_tokens.key_sets import Key, KeySet
from shared.clock import Clock

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
MAX_TOKEN = 16384
MAX_REMEMBERED = 1024
SKEW = timedelta(minutes=1)
"""How far an issuer's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """`name` is the claim `iss` of its tokens, `audience` the `aud` that they must have for us.

    `grants_claims` are the claims that list what a token opens; the first of `subject_claims` that it has says whose it
    is.
    """

    name: str
    audience: str
    keys: KeySet
    grants_claims: Sequence[str]
    subject_claims: Sequence[str] = ("sub",)
    algorithms: Sequence[str] = ALGORITHMS


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """What a token says; `grants` are in lower case, and `subject` is empty when it names nobody."""

    subject: str
    grants: frozenset[str]
    expires_at: datetime


class InvalidTokenError(Exception):
    """The token is not good; the message is the operator's to know, not the caller's."""


class ExpiredTokenError(Exception):
    """The token was good until `expired_at`."""

    def __init__(self, expired_at: datetime) -> None:
        super().__init__(f"the token expired at {expired_at.isoformat()}")
        self.expired_at = expired_at


@dataclass(slots=True)
class Tokens:
    """Verifies tokens; they count for `leeway` after they have expired."""

    issuers: Sequence[TrustedIssuer]
    clock: Clock
    leeway: timedelta = timedelta()
    _remembered: OrderedDict[bytes, VerifiedToken] = field(
        default_factory=OrderedDict, init=False, repr=False
    )

    async def verify(self, token: str) -> VerifiedToken:
        """Return what a token says.

        Raises:
            InvalidTokenError, ExpiredTokenError.
            TransientError: the keys of its issuer cannot be had at present.
        """
        if len(token) > MAX_TOKEN:
            raise InvalidTokenError(f"it is longer than {MAX_TOKEN} characters")
        identity = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(identity)
        if known is None:
            known = await self._verified(token)
        # Nothing is added to what an issuer says: it may be the last instant there is.
        if known.expires_at <= self.clock.now() - self.leeway:
            self._remembered.pop(identity, None)
            raise ExpiredTokenError(known.expires_at)
        self._remembered[identity] = known
        self._remembered.move_to_end(identity)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return known

    async def _verified(self, token: str) -> VerifiedToken:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            issuer = self._issuer_of(unverified_issuer(token))
            key = await issuer.keys.find(header.get("kid"))
            if key is None:
                raise InvalidTokenError("its key is not in the issuer's set")
            claims = verified_claims(token, key, header.get("alg"), issuer)
        except jwt.PyJWTError as error:
            # Its text may quote the token.
            raise InvalidTokenError(type(error).__name__) from None
        not_before = instant(claims.get("nbf", 0), "nbf")
        if not_before > self.clock.now() + SKEW:
            raise InvalidTokenError(f"it is not valid before {not_before.isoformat()}")
        return VerifiedToken(
            subject=subject_in(claims, issuer.subject_claims),
            grants=grants_in(claims, issuer.grants_claims),
            expires_at=instant(claims["exp"], "exp"),
        )

    def _issuer_of(self, name: object) -> TrustedIssuer:
        for issuer in self.issuers:
            if issuer.name == name:
                return issuer
        raise InvalidTokenError(f"its issuer {str(name)[:200]!r} is not trusted")


def unverified_issuer(token: str) -> object:
    import jwt

    claims = jwt.decode(token, options={"verify_signature": False})
    return claims.get("iss")


def verified_claims(
    token: str, key: Key, algorithm: object, issuer: TrustedIssuer
) -> Mapping[str, Any]:
    """Return the claims of a token whose signature, issuer and audience are right; instants are not looked at.

    Raises:
        InvalidTokenError, or an error of the library.
    """
    import jwt

    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise InvalidTokenError(f"its algorithm is {str(algorithm)[:20]!r}")
    # A set need not say which of its family an RSA key is for; the curve of another says it.
    said = key.get("alg") or (algorithm if key["kty"] == "RSA" else None)
    audience = issuer.audience.rstrip("/")
    claims: Mapping[str, Any] = jwt.decode(
        token,
        jwt.PyJWK(dict(key), said),
        algorithms=list(issuer.algorithms),
        audience=[audience, f"{audience}/"],
        issuer=issuer.name,
        options={
            "require": ["exp", "iss", "aud"],
            # By the clock of identities, which is passed in; the library reads the machine's.
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )
    return claims


def instant(value: object, claim: str) -> datetime:
    """Return the instant of a claim in seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError(f"its {claim} is no number")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidTokenError(f"its {claim} is no instant") from None


def subject_in(claims: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return whose token it is; empty when no claim says it in words."""
    found = (claims.get(name) for name in names)
    return next((said for said in found if isinstance(said, str) and said), "")


def grants_in(claims: Mapping[str, Any], names: Sequence[str]) -> frozenset[str]:
    """Return what the claims list: each a list of words, or words in one text as `scp` has them."""
    found: set[str] = set()
    for name in names:
        said = claims.get(name)
        listed = said.split() if isinstance(said, str) else said
        if isinstance(listed, list):
            found |= {one.lower() for one in listed if isinstance(one, str)}
    return frozenset(found)
