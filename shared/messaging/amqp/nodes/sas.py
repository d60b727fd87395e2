"""Shared access signatures: who may come in, and to which namespace (facts §1, "$cbs").

A token is `SharedAccessSignature sr=…&sig=…&se=…&skn=…`: a resource, the second in which it expires and the name of a
key, signed with that key: HMAC-SHA256 over the resource, as it is encoded in the token, a line feed and the expiry. A
token that the holder of a key made says only what it is for; which namespace that is, is said by the key. The host in
the resource is not looked at, as a client may reach us by any name.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import unquote, unquote_plus

from shared.errors import AuthenticationError

SCHEME = "SharedAccessSignature "
MEMBERS = ("sr", "sig", "se", "skn")
MAX_SHOWN = 256
MAX_DIGITS = 20
LATEST = 253_370_764_800
"""The first second of the year 9999; what expires later expires then."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a good token allows: everything at or below `resource`, a URL, until it expires."""

    namespace: str
    resource: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of each namespace by their names; a name may mean a different key in each of them."""

    by_namespace: Mapping[str, Mapping[str, str]] = field(repr=False)

    def named(self, name: str) -> Iterator[tuple[str, str]]:
        """Return each namespace that has a key of this name, with that key."""
        for namespace, keys in self.by_namespace.items():
            if name in keys:
                yield namespace, keys[name]

    def connection_strings(self, namespace: str, *, host: str, port: int) -> Iterator[str]:
        """Return what SDKs connect with, one for each key; secret.

        Only with the flag at its end, in lower case, do they take the port, and no TLS (facts §1).
        """
        for name, key in self.by_namespace[namespace].items():
            yield (
                f"Endpoint=sb://{host}:{port};SharedAccessKeyName={name};SharedAccessKey={key};"
                "UseDevelopmentEmulator=true"
            )


def check_token(token: str, keys: Keys, *, now: datetime) -> Grant:
    """Return what a token allows.

    Raises:
        AuthenticationError: it is malformed, expired or not signed with a key of ours; it says which, and no secret.
    """
    members = _members(token)
    name = unquote_plus(members["skn"])
    candidates = list(keys.named(name))
    if not candidates:
        raise AuthenticationError(f"no namespace has a key named {name[:MAX_SHOWN]!r}")
    namespace = next((owner for owner, key in candidates if _is_signed(members, key)), None)
    if namespace is None:
        raise AuthenticationError(f"the token is not signed with the key named {name!r}")
    expires_at = _expiry(members["se"])
    if expires_at <= now:
        raise AuthenticationError(f"the token expired at {expires_at.isoformat()}")
    return Grant(namespace, _resource(members["sr"]), expires_at)


def _members(token: str) -> dict[str, str]:
    """Return the members as they are encoded."""
    if not token.startswith(SCHEME):
        raise AuthenticationError(f"the token does not start with {SCHEME!r}")
    pairs = (pair.partition("=") for pair in token.removeprefix(SCHEME).split("&"))
    members = {name: value for name, _, value in pairs if value}
    missing = [name for name in MEMBERS if name not in members]
    if missing:
        raise AuthenticationError(f"the token has no {' and no '.join(missing)}")
    return members


def _is_signed(members: Mapping[str, str], key: str) -> bool:
    signed = f"{members['sr']}\n{members['se']}".encode()
    signature = b64encode(hmac.digest(key.encode(), signed, sha256))
    return hmac.compare_digest(signature, unquote(members["sig"]).encode())


def _expiry(seconds: str) -> datetime:
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= MAX_DIGITS):
        raise AuthenticationError("the token's expiry, se, is no number of seconds since 1970")
    return datetime.fromtimestamp(min(int(seconds), LATEST), UTC)


def _resource(encoded: str) -> str:
    resource = unquote_plus(encoded)
    if "://" not in resource:
        raise AuthenticationError(
            f"the token's resource, sr, is {resource[:MAX_SHOWN]!r} and no URL such as sb://host/queue"
        )
    return resource
