"""Access tokens for actions: the client-credentials grant of OAuth 2.0 as Azure AD takes it, form in and JSON out.

https://datatracker.ietf.org/doc/html/rfc6749#section-4.4, with `resource` for the audience as version 1 of that
endpoint has it. A token is kept until shortly before its end and asked for once, whoever waits for it meanwhile.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pydantic_core import from_json

from shared.clock import Clock
from shared.errors import NoAnswer, NoAnswerError
from shared.scheduler.action import target_host
from shared.scheduler.actions.echoes import Echoes
from shared.scheduler.actions.record_message import failure_message, no_token_message

if TYPE_CHECKING:
    from shared.outbound.session import Answer, OutboundSession

TIME_LIMIT = timedelta(seconds=20)
KEPT_TOKENS = 1024
MOST_BYTES = 65_536
# A token that ends while its request is on the way is of no use.
RENEWED_BEFORE = timedelta(minutes=5)
LONGEST_LIFE = timedelta(hours=24)
# https://datatracker.ietf.org/doc/html/rfc6750#section-2.1
TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]{1,16384}={0,2}")
# What an authority may say of why; other text of its could hold what we sent.
ERRORS = frozenset(
    {
        "access_denied",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_resource",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClient:
    """Who asks for a token, and for what."""

    tenant: str
    audience: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`echoes` recognises the token and the secret that it was got with."""

    text: str = field(repr=False)
    renewed_at: datetime
    echoes: Echoes = field(repr=False, compare=False)


class NoCredentialsError(Exception):
    """There is nothing to show; the message is that of the attempt's record."""


Key = tuple[str, str, str, bytes]


class AccessTokens:
    """Tokens of one authority; used on one event loop."""

    def __init__(self, authority: str, clock: Clock) -> None:
        self._authority = authority.rstrip("/")
        self._clock = clock
        self._tokens: OrderedDict[Key, AccessToken] = OrderedDict()
        self._asked: dict[Key, asyncio.Task[AccessToken | str]] = {}

    def kept(self, client: TokenClient) -> AccessToken | None:
        """Return the token that is kept for `client` and good for a while."""
        key = key_of(client)
        token = self._tokens.get(key)
        if token is None or token.renewed_at <= self._clock.now():
            return None
        self._tokens.move_to_end(key)
        return token

    async def fetch(
        self,
        session: "OutboundSession",
        client: TokenClient,
        *,
        instead_of: AccessToken | None = None,
        time_limit: timedelta = TIME_LIMIT,
    ) -> AccessToken:
        """Return a token that is not `instead_of`; who is cancelled leaves the request to the others.

        Raises:
            NoCredentialsError: the authority gives none, or none in time.
        """
        token = self.kept(client)
        if token is not None and token != instead_of:
            return token
        key = key_of(client)
        asked = self._asked.get(key) or self._ask(session, client)
        done, _ = await asyncio.wait((asked,), timeout=time_limit.total_seconds())
        host = target_host(self._authority)
        found = asked.result() if done else failure_message(host, NoAnswer.TIMEOUT, "")
        if isinstance(found, str):
            raise NoCredentialsError(found)
        return found

    async def close(self) -> None:
        """Give up what is asked for; kept tokens stay."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        if asked:
            await asyncio.wait(asked)

    def _ask(
        self, session: "OutboundSession", client: TokenClient
    ) -> asyncio.Task[AccessToken | str]:
        key = key_of(client)
        asked = self._asked[key] = asyncio.create_task(self._requested(session, client))
        asked.add_done_callback(lambda _: self._asked.pop(key))
        return asked

    async def _requested(
        self, session: "OutboundSession", client: TokenClient
    ) -> AccessToken | str:
        """Return a token, or why there is none: an exception of its own is raised for each who waits."""
        host = target_host(self._authority)
        form = {
            "grant_type": "client_credentials",
            "client_id": client.client_id,
            "client_secret": client.secret,
            "resource": client.audience,
        }
        try:
            answer = await session.request(
                "POST",
                f"{self._authority}/{quote(client.tenant, safe='')}/oauth2/token",
                body=urlencode(form).encode(),
                headers={
                    "Accept": "application/json",
                    "Content-Type": "application/x-www-form-urlencoded",
                    "User-Agent": "tocsin",
                },
                time_limit=TIME_LIMIT,
                keep=MOST_BYTES,
            )
        except NoAnswerError as error:
            return failure_message(host, error.kind, error.message)
        token = self._token_in(answer, client)
        if token is None:
            return no_token_message(host, answer.status, error_in(answer.body))
        self._keep(key_of(client), token)
        return token

    def _token_in(self, answer: "Answer", client: TokenClient) -> AccessToken | None:
        document = document_in(answer.body)
        text, kind = document.get("access_token"), document.get("token_type", "Bearer")
        if answer.status != 200 or not isinstance(text, str) or TOKEN.fullmatch(text) is None:
            return None
        if str(kind).lower() != "bearer":
            return None
        life = life_in(document)
        renewed_at = self._clock.now() + life - min(RENEWED_BEFORE, life / 2)
        return AccessToken(text, renewed_at, Echoes(text, client.secret))

    def _keep(self, key: Key, token: AccessToken) -> None:
        self._tokens[key] = token
        self._tokens.move_to_end(key)
        if len(self._tokens) > KEPT_TOKENS:
            self._tokens.popitem(last=False)


def key_of(client: TokenClient) -> Key:
    """Return what tokens are told apart by; the secret is not in it."""
    digest = hashlib.sha256(client.secret.encode()).digest()
    return client.tenant.lower(), client.audience, client.client_id, digest


def document_in(body: bytes) -> dict[str, object]:
    try:
        document = from_json(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def error_in(body: bytes) -> str:
    error = document_in(body).get("error")
    return error if isinstance(error, str) and error in ERRORS else ""


def life_in(document: dict[str, object]) -> timedelta:
    """Return how long a token lasts; the endpoint writes the seconds as text."""
    seconds = str(document.get("expires_in", ""))
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 9):
        return timedelta(0)
    return min(timedelta(seconds=int(seconds)), LONGEST_LIFE)
