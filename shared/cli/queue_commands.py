"""The commands of `./tocsin queues`; each imports what it needs when it is called."""

from typing import Annotated

import typer

from shared.cli.stack_options import DEFAULT_FOLDER, DEFAULT_PORT, DataDirectory, Port, StackPlace

queues = typer.Typer(
    help="Send to and look into the queues of a running stack.", no_args_is_help=True
)


@queues.command()
def send(
    queue: Annotated[str, typer.Argument(help="For example commands.")],
    body: Annotated[str | None, typer.Option(help="The message itself.")] = None,
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(metavar="<path>", help="The message in a file; - is stdin."),
    ] = None,
    message_id: Annotated[
        str | None, typer.Option(help="The same id within 24 hours is the same command.")
    ] = None,
    session_id: Annotated[
        str | None, typer.Option(help="Whose order is kept; commands-ordered needs one.")
    ] = None,
    correlation_id: Annotated[
        str | None, typer.Option(help="What the answer and the events are to be known by.")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option(metavar="<queue>", help="Where the answer goes.")
    ] = None,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
) -> None:
    """Send one message."""
    from shared.cli.queues import send_message
    from shared.cli.stack_client import on_stack

    if (body is None) == (file is None):
        raise typer.BadParameter("give either --body or --file")
    content = file.read() if file is not None else str(body).encode()
    properties = {
        "x-message-id": message_id,
        "x-session-id": session_id,
        "x-correlation-id": correlation_id,
        "x-reply-to": reply_to,
    }
    on_stack(
        StackPlace(data_dir, port),
        lambda client, _: send_message(client, queue, content, properties=properties),
    )


@queues.command()
def peek(
    queue: Annotated[str, typer.Argument(help="For example rejected.")],
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
) -> None:
    """Show the messages of a queue without taking them."""
    from shared.cli.queues import peek_messages
    from shared.cli.stack_client import on_stack

    on_stack(StackPlace(data_dir, port), lambda client, _: peek_messages(client, queue))
