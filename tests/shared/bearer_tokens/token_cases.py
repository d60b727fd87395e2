"""Tokens of issuers that tests are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.clocks import START

NAME = "https://issuer.example/tenant"
AUDIENCE = "https://management.azure.com/"
NOW = int(START.timestamp())
HOUR = int(timedelta(hours=1).total_seconds())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key: Any, key_id: str, **members: str) -> dict[str, Any]:
    """Return the public half as a member of a key set."""
    algorithm: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    document: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return {**document, "kid": key_id, **members}


KEYS = [public(RSA_KEY, "r"), public(EC_KEY, "e", use="sig"), public(P384_KEY, "p")]


@dataclass
class Keys:
    """A key set that counts how often it is asked."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: list(KEYS))
    asked: int = 0

    async def find(self, key_id: str | None) -> Mapping[str, Any] | None:
        self.asked += 1
        return next((key for key in self.keys if key["kid"] == key_id), None)


def claims(**changes: Any) -> dict[str, Any]:
    """Return what a good token says; a change to None leaves the claim out."""
    said = {
        "iss": NAME,
        "aud": AUDIENCE,
        "sub": "me",
        "exp": NOW + HOUR,
        "nbf": NOW,
        "subscriptions": ["S1", "s2"],
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def token(
    key: Any = EC_KEY, key_id: str | None = "e", algorithm: str = "ES256", **changes: Any
) -> str:
    """Return a token, good but for what is changed."""
    headers = {} if key_id is None else {"kid": key_id}
    return jwt.encode(claims(**changes), key, algorithm, headers=headers)
