"""A network that fails at the worst moment: what was asked arrives, and the answer does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


@asynccontextmanager
async def cutting_proxy(url: str, *, after: bytes) -> AsyncIterator[str]:
    """Yield a URL that leads to the server of `url`; a connection is cut when it has passed on these bytes.

    The server has carried out what they ask for by then.
    """
    target = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(target.hostname, target.port)
        answers = asyncio.ensure_future(pass_on(server_reader, writer))
        while content := await reader.read(65_536):
            if after in content:
                answers.cancel()
                await asyncio.wait([answers])
                server_writer.write(content)
                await server_reader.read(65_536)
                break
            server_writer.write(content)
        answers.cancel()
        for one in (server_writer, writer):
            one.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield url.replace(f":{target.port}", f":{port}")


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65_536):
        writer.write(content)
