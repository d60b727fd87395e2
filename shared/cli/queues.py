"""`tocsin queues`: the queues of a running stack, over its local host."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli.host_client import Answer, HostClient
from shared.cli.stack_folder import StackFolder
from shared.errors import NotFoundError, PermanentError


def client_of(data_dir: Path, port: int) -> HostClient:
    """Return a client of the stack that runs on this data folder and port."""
    return HostClient(f"http://127.0.0.1:{port}", key=StackFolder(data_dir).host_key())


def messages_path(queue: str) -> str:
    return f"/admin/queues/{quote(queue, safe='')}/messages"


async def send_message(
    client: HostClient, queue: str, content: bytes, *, message_id: str | None
) -> None:
    """Send one message and say so."""
    headers = {} if message_id is None else {"x-message-id": message_id}
    async with client:
        answer = await client.request(
            "POST", messages_path(queue), content=content, headers=headers
        )
    check(answer, queue)
    print(f"sent {len(content)} bytes to {queue}")


async def peek_messages(client: HostClient, queue: str) -> None:
    """Print a table of the queue's messages."""
    async with client:
        answer = await client.request("GET", messages_path(queue))
    check(answer, queue)
    print_messages(queue, answer.body)


def check(answer: Answer, queue: str) -> None:
    if answer.status == 404:
        raise NotFoundError(f"there is no queue {queue!r}")
    if answer.status >= 300:
        raise PermanentError(f"the host answered {answer.status}: {answer.body}")


def print_messages(queue: str, messages: list[dict[str, Any]]) -> None:
    table = Table("number", "id", "enqueued", "properties", "body", title=queue)
    for message in messages:
        properties = message["applicationProperties"]
        cells = (
            str(message["sequenceNumber"]),
            message.get("messageId", ""),
            message["enqueuedTime"],
            "\n".join(f"{name}: {value}" for name, value in properties.items()),
            message.get("body", message.get("bodyBase64", "")),
        )
        table.add_row(*map(Text, cells))
    Console().print(table)
