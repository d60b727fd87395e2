"""What the tokens of one connection allow (facts §1, "$cbs"; Microsoft's claims-based authorization guide for AMQP).

A peer puts tokens at the node `$cbs` before it attaches links, and new ones before those expire. A link needs a valid
token whose resource is its address or something above it, also later: when there is none any more the link is ended.
"""

import logging
from datetime import datetime
from weakref import WeakKeyDictionary

from shared.clock import Clock
from shared.errors import AuthenticationError, Fault, InvalidRequestError, TocsinError
from shared.messaging.amqp.codec.values import Int
from shared.messaging.amqp.engine.node import Inlet, Outlet
from shared.messaging.amqp.nodes.addresses import entity_path
from shared.messaging.amqp.nodes.conditions import describe_error, status_code
from shared.messaging.amqp.nodes.requests import Request, write_answer
from shared.messaging.amqp.nodes.sas import MAX_SHOWN, SCHEME, Grant, Keys, check_token
from shared.messaging.embedded.timer import DueTimer

_log = logging.getLogger(__name__)

ACCEPTED = 202
PUT_TOKEN = "put-token"

Link = Inlet | Outlet


class Claims:
    """The tokens of one connection, and the links that need them; all links end with their claims."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        # A link that has ended is forgotten with whoever else knew it.
        self._links: WeakKeyDictionary[Link, str] = WeakKeyDictionary()
        self._timer = DueTimer(clock, self._expire)

    async def put_token(self, request: Request) -> bytes:
        """Check a token, keep what it allows and return the answer's sections."""
        try:
            self._keep(_token(request), for_what=_named(request))
        except TocsinError as fault:
            _log.warning("a token was refused: %s", fault, extra={"action": "amqp_token_refused"})
            status = {
                "status-code": Int(status_code(describe_error(fault))),
                "status-description": fault.message,
            }
        else:
            status = {"status-code": Int(ACCEPTED), "status-description": "Accepted"}
        return write_answer(request, status, None)

    def _keep(self, token: str, *, for_what: str | None) -> None:
        grant = check_token(token, self._keys, now=self._clock.now())
        resource = entity_path(grant.resource)
        if for_what is not None and not _covers(resource, for_what):
            raise AuthenticationError(
                f"the token is for {resource[:MAX_SHOWN]!r}, which does not cover {for_what[:MAX_SHOWN]!r}"
            )
        self._grants[resource] = grant
        self._timer.arm(grant.expires_at)

    def namespace(self, path: str) -> str:
        """Return the namespace whose token covers the path. Raises AuthenticationError when none does."""
        now = self._clock.now()
        for resource, grant in self._grants.items():
            if _covers(resource, path) and now < grant.expires_at:
                return grant.namespace
        raise AuthenticationError(f"no valid token of this connection covers {path!r}")

    def hold(self, link: Link, path: str) -> None:
        """End the link when no token covers its path any more."""
        self._links[link] = path

    async def close(self) -> None:
        await self._timer.close()

    async def _expire(self) -> datetime | None:
        now = self._clock.now()
        self._grants = {
            resource: grant for resource, grant in self._grants.items() if now < grant.expires_at
        }
        for link, path in list(self._links.items()):
            try:
                self.namespace(path)
            except AuthenticationError as fault:
                del self._links[link]
                link.detach(describe_error(fault))
        return min((grant.expires_at for grant in self._grants.values()), default=None)


def _covers(resource: str, path: str) -> bool:
    return resource in ("", path) or path.startswith(f"{resource}/")


def _named(request: Request) -> str | None:
    """Return the path of what the token is put for; clients that do not say find out when they attach."""
    name = request.properties.get("name")
    return entity_path(name) if isinstance(name, str) else None


def _token(request: Request) -> str:
    request.check()
    if request.operation != PUT_TOKEN:
        raise InvalidRequestError([Fault("operation", f"is {request.operation!r}, not put-token")])
    token = request.body
    if not isinstance(token, str):
        raise InvalidRequestError([Fault("body", "must be the token, a string")])
    # Not by the request's `type`: the Python SDK calls shared access signatures `jwt` too.
    if not token.startswith(SCHEME):
        raise AuthenticationError(
            "the token is no SharedAccessSignature; others, as of Entra ID, cannot be checked here: "
            "connect with a connection string"
        )
    return token
