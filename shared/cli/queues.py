"""`tocsin queues`: the queues of a running stack, over its local host."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.cli.stack_client import StackClient, segment
from shared.cli.terminal import printable

NAMED = (("messageId", "id"), ("correlationId", "correlation id"), ("replyTo", "reply to"))


def messages_path(queue: str) -> str:
    return f"/admin/queues/{segment(queue)}/messages"


async def send_message(
    client: StackClient, queue: str, content: bytes, *, properties: Mapping[str, str | None]
) -> None:
    """Send one message with the properties that are given, by their headers, and say so."""
    headers = {name: value for name, value in properties.items() if value is not None}
    await client.send("POST", messages_path(queue), content=content, headers=headers)
    print(f"sent {len(content)} bytes to {queue}")


async def peek_messages(client: StackClient, queue: str) -> None:
    """Print the queue's messages."""
    print_messages(queue, await client.get(messages_path(queue)))


def print_messages(queue: str, messages: list[dict[str, Any]]) -> None:
    print(f"{queue}: {len(messages)} message{'' if len(messages) == 1 else 's'}")
    for message in messages:
        print("\n".join(lines_of(message)))


def lines_of(message: dict[str, Any]) -> Iterator[str]:
    """Describe one message; a body is somebody else's, so its control characters never reach the terminal."""
    yield f"#{message['sequenceNumber']}  enqueued {message['enqueuedTime']}"
    for member, name in NAMED:
        if member in message:
            yield f"  {name}: {printable(message[member])}"
    for name, value in message["applicationProperties"].items():
        yield f"  {printable(name)}: {printable(str(value))}"
    yield f"  {printable(message.get('body', message.get('bodyBase64', '')))}"
