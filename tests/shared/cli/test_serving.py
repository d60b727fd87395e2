"""Serving until a signal ends it."""

import asyncio
import os
import signal
import socket

import pytest

from shared.cli.serving import end_asked, serving
from shared.errors import ConfigurationError
from shared.host.http_trigger import Receive, Scope, Send
from shared.host.server import Endpoint
from tests.ports import free_ports


async def no_content(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def status_of(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.split(b"\r\n")[0]


async def test_every_endpoint_answers_while_the_block_runs_and_none_after_it() -> None:
    ports = free_ports()
    endpoints = [Endpoint(app=no_content, port=port) for port in (ports.host, ports.receiver)]

    async with serving(endpoints):
        answers = [await status_of(each.port) for each in endpoints]

    assert answers == [b"HTTP/1.1 204 No Content"] * 2
    for each in endpoints:
        with pytest.raises(ConnectionRefusedError):
            await status_of(each.port)


async def test_a_taken_port_is_named_and_the_others_are_free_again() -> None:
    ports = free_ports()
    endpoints = [Endpoint(app=no_content, port=port) for port in (ports.host, ports.receiver)]
    with socket.create_server(("127.0.0.1", ports.receiver)):
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{ports.receiver}.* with --port"):
            async with serving(endpoints):
                pass

        with pytest.raises(ConnectionRefusedError):
            await status_of(ports.host)


async def test_a_signal_asks_for_the_end() -> None:
    asked = end_asked()

    os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(5):
        await asked.wait()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
