"""The commands of `./tocsin deadletters`; each imports what it needs when it is called."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from shared.cli.stack_options import DEFAULT_FOLDER, DEFAULT_PORT, DataDirectory, Json, Port

if TYPE_CHECKING:
    from shared.cli.deadletters import DeadLetterDesk

deadletters = typer.Typer(
    help="Look at what was given up, move it back, or remove it.", no_args_is_help=True
)

Queue = Annotated[str, typer.Argument(help="For example commands.")]
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="SEQUENCE", min=0, help="Of letters; see show.")
]
Connection = Annotated[
    bool,
    typer.Option(
        "--connection", help="Those of the namespace in the environment's ServiceBusConnection."
    ),
]
EventSubscription = Annotated[
    str | None,
    typer.Option("--event-subscription", metavar="ID", help="Deliveries to it that were given up."),
]
Value = TypeVar("Value")
LONGEST_NUMBER = 19


@deadletters.command("list")
def list_them(
    queues: Annotated[
        list[str] | None, typer.Argument(metavar="QUEUE", help="Default: all.")
    ] = None,
    event_subscription: EventSubscription = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Of an event subscription's, so many at most.")
    ] = 100,
    connection: Connection = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
) -> None:
    """Show how many dead letters queues have, since when and why; or what one event subscription did not get."""
    if event_subscription is None:
        at_desk(
            lambda desk: desk.summarize(queues or ()),
            data_dir,
            port,
            connection=connection,
            as_json=as_json,
        )
        return
    from shared.cli.delivery_letters import list_letters
    from shared.cli.stack_client import on_stack

    if queues or connection:
        raise typer.BadParameter("--event-subscription goes with neither queues nor --connection")
    on_stack(
        data_dir,
        port,
        lambda client, clock: list_letters(
            client, event_subscription, limit=limit, as_json=as_json, clock=clock
        ),
    )


@deadletters.command()
def show(
    queue: Queue,
    sequence: Annotated[
        int | None, typer.Argument(min=0, help="Everything about this one.")
    ] = None,
    first: Annotated[int, typer.Option("--from", min=0, help="From this number on.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=250, help="So many at most.")] = 20,
    connection: Connection = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
) -> None:
    """Show the dead letters of a queue, or one of them; bodies are masked."""

    def use(desk: "DeadLetterDesk") -> Coroutine[Any, Any, None]:
        if sequence is not None:
            return desk.show_one(queue, sequence)
        return desk.show(queue, first=first, limit=limit)

    at_desk(use, data_dir, port, connection=connection, as_json=as_json)


@deadletters.command()
def redrive(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUEUE [SEQUENCE]", help="With --event-subscription: ids of events alone."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are there now.")] = False,
    event_subscription: EventSubscription = None,
    connection: Connection = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
) -> None:
    """Move dead letters back to their queue, oldest first; or have deliveries made again."""
    from shared.cli.delivery_letters import redrive_letters
    from shared.cli.stack_client import on_stack
    from shared.clock import SystemClock

    named = what or []
    if event_subscription is not None:
        if connection or bool(named) == everything:
            raise typer.BadParameter("give either ids of events or --all, and no --connection")
        on_stack(
            data_dir,
            port,
            lambda client, _: redrive_letters(client, event_subscription, named, as_json=as_json),
        )
        return
    numbers = [read_sequence(each) for each in named[1:]]
    if not named or bool(numbers) == everything:
        raise typer.BadParameter("give a queue, and either sequence numbers or --all")
    now = SystemClock().now()
    at_desk(
        lambda desk: desk.redrive(named[0], numbers, before=now),
        data_dir,
        port,
        connection=connection,
        as_json=as_json,
    )


@deadletters.command()
def purge(
    queue: Queue,
    sequence: Numbers = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are there now.")] = False,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE|INSTANT", help="Such as 7d; by when they were sent.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    connection: Connection = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
) -> None:
    """Remove dead letters for good; asks before it does."""
    from shared.cli.ages import instant_of
    from shared.clock import SystemClock

    if [bool(sequence), everything, older_than is not None].count(True) != 1:
        raise typer.BadParameter("give sequence numbers, --older-than or --all")
    before = SystemClock().now()
    if older_than is not None:
        before = instant_of("--older-than", older_than, before)

    def run(use: "Callable[[DeadLetterDesk], Coroutine[Any, Any, Value]]") -> Value:
        return at_desk(use, data_dir, port, connection=connection, as_json=as_json)

    if not yes:
        has = run(lambda desk: desk.at_stake(queue, before=before))
        if has is not None:
            named = "all" if everything else f"those older than {older_than}"
            if sequence:
                named = f"number {', '.join(map(str, sequence))}"
            typer.confirm(f"{queue} has {has}; remove {named} for good?", abort=True, err=True)
    run(lambda desk: desk.purge(queue, sequence or (), before=before))


def read_sequence(text: str) -> int:
    """Raises BadParameter when it is no sequence number."""
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER):
        raise typer.BadParameter(f"{text!r} is no sequence number")
    return int(text)


def at_desk(
    use: "Callable[[DeadLetterDesk], Coroutine[Any, Any, Value]]",
    data_dir: Path,
    port: int,
    *,
    connection: bool,
    as_json: bool,
) -> Value:
    """Run a command on the dead letters of a stack, or of the environment's namespace."""
    from shared.cli.deadletters import DeadLetterDesk
    from shared.cli.letter_boxes import HostedLetters, namespace_letters
    from shared.cli.stack_client import on_stack
    from shared.clock import SystemClock

    if not connection:
        return on_stack(
            data_dir,
            port,
            lambda client, clock: use(
                DeadLetterDesk(HostedLetters(client), clock=clock, as_json=as_json)
            ),
        )

    async def run() -> Value:
        async with namespace_letters(SystemClock()) as box:
            return await use(DeadLetterDesk(box, clock=SystemClock(), as_json=as_json))

    return asyncio.run(run())
