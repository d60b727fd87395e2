"""A running stack as commands see it: answers that are no success are told in a line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from shared.cli.host_client import NO_HEADERS, Answer, HostClient
from shared.cli.stack_folder import StackFolder
from shared.cli.terminal import printable
from shared.clock import Clock, SystemClock
from shared.errors import ConfigurationError, NotFoundError, PermanentError, TransientError

NO_QUERY: Mapping[str, object] = {}
UNAUTHORIZED, NOT_FOUND, UNAVAILABLE = 401, 404, 503
Value = TypeVar("Value")
FIRST_FAILURE, FIRST_OF_THE_SERVER = 400, 500


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
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Return the answer to a request, if it is a success.

        Raises:
            NotFoundError: there is no such thing.
            PermanentError: the request was refused.
            TransientError: nothing answers, or it cannot answer now.
            ConfigurationError: the key opens nothing there.
        """
        answer = await self._client.request(method, path, body=body, headers=headers)
        check(answer)
        return answer


def check(answer: Answer) -> None:
    """Raise what an answer says that is no success."""
    if answer.status >= FIRST_FAILURE:
        raise failure_of(answer)


def failure_of(
    answer: Answer,
) -> NotFoundError | PermanentError | TransientError | ConfigurationError:
    """Return what an answer says that is no success, in a line."""
    match answer.body:
        case {"error": {"code": str(code), "message": str(message)}}:
            said = f"{printable(code)}: {printable(message)}"
        case _:
            said = f"the host answered {answer.status} {printable(str(answer.body))}".rstrip()
    if answer.status == UNAUTHORIZED:
        return ConfigurationError(
            "the host refuses the key of this data folder; --data-dir and --port name a stack"
        )
    if answer.status == NOT_FOUND:
        return NotFoundError(said)
    if answer.status >= FIRST_OF_THE_SERVER:
        return TransientError(said)
    return PermanentError(said)


@asynccontextmanager
async def stack_client(data_dir: Path, port: int) -> AsyncIterator[StackClient]:
    """Open a client of the stack that runs on this data folder and port.

    Raises:
        ConfigurationError: no stack was ever started there.
    """
    host = HostClient(f"http://127.0.0.1:{port}", key=StackFolder(data_dir).host_key())
    async with host:
        yield StackClient(host)


def on_stack(
    data_dir: Path, port: int, use: Callable[[StackClient, Clock], Coroutine[Any, Any, Value]]
) -> Value:
    """Run a command to its end with a client of a stack; see `stack_client`."""

    async def run() -> Value:
        async with stack_client(data_dir, port) as client:
            return await use(client, SystemClock())

    return asyncio.run(run())


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")
