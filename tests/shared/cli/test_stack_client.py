import asyncio
from pathlib import Path
from typing import Any

import pytest

from shared.cli.host_client import Answer
from shared.cli.stack_client import failure_of, segment, stack_client
from shared.cli.stack_folder import StackFolder
from shared.cli.stack_options import StackPlace
from shared.errors import (
    ConfigurationError,
    NotFoundError,
    PermanentError,
    TocsinError,
    TransientError,
)
from shared.host.keys import load_keys
from tests.clocks import START
from tests.ports import free_ports
from tests.shared.cli.running_stack import RunningStack

REFUSAL = {"error": {"code": "BadRequest", "message": "$.a: must be \x1b[2J"}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, REFUSAL, PermanentError, r"BadRequest: $.a: must be \x1b[2J"),
        (404, REFUSAL, NotFoundError, r"BadRequest: $.a: must be \x1b[2J"),
        (503, REFUSAL, TransientError, r"BadRequest: $.a: must be \x1b[2J"),
        (401, "", ConfigurationError, "refuses the key of this data folder"),
        (401, REFUSAL, ConfigurationError, "give a good one by --token-file FILE, or as TOCSIN_"),
        (403, REFUSAL, ConfigurationError, r"BadRequest: $.a: must be \x1b[2J"),
        (
            404,
            f"<p>{'x' * 99}",
            NotFoundError,
            f"answered 404 <p>{'x' * 77}…; --port names a stack",
        ),
        (500, "", TransientError, "the host answered 500"),
        (413, "\x07", PermanentError, r"the host answered 413 \x07"),
        (400, {"error": "odd"}, PermanentError, "the host answered 400 {'error': 'odd'}"),
    ],
)
def test_an_answer_that_is_no_success_is_told_in_a_line(
    status: int, body: Any, kind: type[TocsinError], said: str
) -> None:
    failure = failure_of(Answer(status=status, headers={}, body=body))

    assert type(failure) is kind
    assert said in failure.message
    assert failure.message.isprintable()


def test_nobody_there_is_told_with_the_address(stack: RunningStack) -> None:
    port = free_ports().host

    async def ask() -> None:
        async with stack_client(StackPlace(stack.folder, port)) as client:
            await client.get("/api/health")

    with pytest.raises(
        TransientError, match=f"nothing listens at http://127.0.0.1:{port}; `tocsin up`"
    ):
        asyncio.run(ask())


def test_a_folder_without_keys_is_told(tmp_path: Path) -> None:
    async def ask() -> None:
        async with stack_client(StackPlace(tmp_path, 1)):
            raise AssertionError

    with pytest.raises(ConfigurationError, match="start the stack"):
        asyncio.run(ask())


def test_a_name_stays_one_segment() -> None:
    assert segment("a/b?c#ä ") == "a%2Fb%3Fc%23%C3%A4%20"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n<p>\n",
            PermanentError,
            r"answered 200 <p>\n;",
        ),
        (b"", TransientError, "gives no answer: Server disconnected; `tocsin up` starts a stack"),
        (b"AMQP\x03\x01\x00\x00\r\n\r\n", TransientError, "gives no answer: "),
    ],
)
async def test_what_is_no_stack_is_told_in_a_line(
    tmp_path: Path, answer: bytes, kind: type[TocsinError], said: str
) -> None:
    StackFolder(tmp_path).prepare(now=START, makes_key=True)
    load_keys(StackFolder(tmp_path).host_keys, functions=(), new_key=lambda: "k")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with stack_client(StackPlace(tmp_path, port)) as client:
            with pytest.raises(kind) as caught:
                await client.get("/api/operations")

    assert said in caught.value.message
    assert caught.value.message.isprintable()
