"""A token issuer for development: a key pair in the data folder, and bearer tokens signed by it.

Whoever can read the folder can issue tokens for every subscription of the service on it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from shared.errors import ConfigurationError
from shared.private_file import create_private_file

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER = "urn:tocsin:local-issuer"
AUDIENCE = "https://management.azure.com/"
"""What tokens for Azure Resource Manager are issued for."""
SUBSCRIPTIONS_CLAIM = "subscriptions"
ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """The issuer of a data folder; its key is made when it is first needed, by whichever process that is."""

    data_folder: Path

    @property
    def key_file(self) -> Path:
        return self.data_folder / "issuer" / "signing-key.pem"

    def prepare(self) -> None:
        """Make the key pair, unless it is there.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            self.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_private_file(self.key_file, content)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the key of the local issuer {self.key_file}: {error.strerror}"
            ) from error

    def issue(self, subscription: str, *, lifetime: timedelta, now: datetime) -> str:
        """Return a token that opens a subscription.

        Raises:
            ConfigurationError: the key cannot be read.
        """
        import jwt

        self.prepare()
        try:
            key = read_key(self.key_file.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the key of the local issuer {self.key_file}: {error.strerror}"
            ) from error
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "local",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            SUBSCRIPTIONS_CLAIM: [subscription.lower()],
        }
        return jwt.encode(claims, key, ALGORITHM, headers={"kid": key_id(key.public_key())})


def public_key_set(content: bytes) -> "Mapping[str, object]":
    """Return the key set (RFC 7517) of the public half of the key in a key file.

    Raises:
        ConfigurationError: there is no such key in it.
    """
    from jwt.algorithms import ECAlgorithm

    public = read_key(content).public_key()
    key = json.loads(ECAlgorithm.to_jwk(public))
    return {"keys": [{**key, "kid": key_id(public), "alg": ALGORITHM, "use": "sig"}]}


def read_key(content: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises ConfigurationError, which tells nothing of the content."""
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"the key of the local issuer is damaged: {type(error).__name__}"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError("the key of the local issuer is not one for ES256")
    return key


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:32]
