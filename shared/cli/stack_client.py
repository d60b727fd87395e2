"""A running stack as commands see it: answers that are no success are told in a line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from shared.cli.connector_token import connector_token
from shared.cli.host_client import NO_HEADERS, Answer, HostClient
from shared.cli.stack_folder import StackFolder
from shared.cli.stack_options import StackPlace
from shared.cli.terminal import printable
from shared.clock import Clock, SystemClock
from shared.errors import ConfigurationError, NotFoundError, PermanentError, TransientError
from shared.settings import CONNECTOR_TOKEN

NO_QUERY: Mapping[str, object] = {}
MOST_SHOWN = 80
"""Of what a host says that is no stack's, so many characters."""
Value = TypeVar("Value")


class StackClient:
    """Talks to the local host of one stack."""

    def __init__(self, client: HostClient) -> None:
        self._client = client

    async def get(self, path: str, query: Mapping[str, object] = NO_QUERY) -> Any:
        """Return the document at a path; parameters that are None are left out."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        answer = await self.send("GET", f"{path}?{urlencode(given)}" if given else path)
        return answer.body

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Return the answer to a request, if it is a success; see `HostClient.request`.

        Raises:
            NotFoundError: there is no such thing.
            PermanentError: the request was refused, or what answers is no stack.
            TransientError: nothing answers, or it cannot answer now.
            ConfigurationError: the key or the token opens nothing there.
        """
        try:
            answer = await self._client.request(
                method, path, body=body, content=content, headers=headers
            )
        except TransientError as error:
            raise TransientError(
                f"{error.message}; `tocsin up` starts a stack, and --port names its local host"
            ) from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise failure_of(answer)
        if isinstance(answer.body, str) and answer.body:
            raise PermanentError(foreign(answer))
        return answer


def failure_of(
    answer: Answer,
) -> NotFoundError | PermanentError | TransientError | ConfigurationError:
    """Return what an answer says that is no success, in a line."""
    match answer.body:
        case {"error": {"code": str(code), "message": str(message)}}:
            said = f"{printable(code)}: {printable(message)}"
        case _ if answer.status == HTTPStatus.UNAUTHORIZED:
            return ConfigurationError(
                "the host refuses the key of this data folder; --data-dir and --port must name the same stack"
            )
        case _:
            said = foreign(answer)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return ConfigurationError(
            f"{said}; give a good one by --token-file FILE, or as {CONNECTOR_TOKEN} in the environment"
        )
    if answer.status == HTTPStatus.FORBIDDEN:
        return ConfigurationError(said)
    if answer.status == HTTPStatus.NOT_FOUND:
        return NotFoundError(said)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransientError(said)
    return PermanentError(said)


def foreign(answer: Answer) -> str:
    """Return the beginning of what nobody says who is one of ours."""
    text = printable(str(answer.body))
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
    return (
        f"the host answered {answer.status} {shown}".rstrip()
        + "; --port names a stack's local host"
    )


@asynccontextmanager
async def stack_client(place: StackPlace) -> AsyncIterator[StackClient]:
    """Open a client of the stack that runs at a place.

    Raises:
        ConfigurationError: no stack was ever started there, or there is no token where one should be.
    """
    url, key = f"http://127.0.0.1:{place.port}", StackFolder(place.data_dir).host_key()
    async with HostClient(url, key=key, token=connector_token(place.token_file)) as host:
        yield StackClient(host)


def on_stack(
    place: StackPlace, use: Callable[[StackClient, Clock], Coroutine[Any, Any, Value]]
) -> Value:
    """Run a command to its end with a client of a stack; see `stack_client`."""

    async def run() -> Value:
        async with stack_client(place) as client:
            return await use(client, SystemClock())

    return asyncio.run(run())


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")
