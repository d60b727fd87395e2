"""The commands of `./tocsin deadletters`; each imports what it needs when it is called."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from shared.cli.stack_options import (
    DEFAULT_FOLDER,
    DEFAULT_PORT,
    DataDirectory,
    Json,
    Port,
    StackPlace,
    TokenFile,
)

if TYPE_CHECKING:
    from shared.cli.deadletters import DeadLetterDesk
    from shared.cli.delivery_letters import DeliveryDesk

deadletters = typer.Typer(
    help="Look at what was given up, move it back, or remove it.", no_args_is_help=True
)

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
PURGED_WITH_EVENTS = (
    "dead letters of an event subscription cannot be purged: there is no such call; they go with their events,"
    " after TOCSIN_EVENTS_KEPT, or with the event subscription"
)


@deadletters.command("list")
def list_them(
    queues: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUEUE", help="Default: all, and all event subscriptions."),
    ] = None,
    event_subscription: EventSubscription = None,
    connection: Connection = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Show how many dead letters queues and event subscriptions have, since when and why."""
    from shared.cli.deadletters import summarize_all
    from shared.cli.stack_client import on_stack

    place = StackPlace(data_dir, port, token_file)
    if event_subscription is not None:
        if queues or connection:
            raise typer.BadParameter(
                "--event-subscription goes with neither queues nor --connection"
            )
        with_deliveries(lambda desk: desk.summarize(event_subscription), place, as_json=as_json)
    elif queues or connection:
        at_desk(
            lambda desk: desk.summarize(queues or ()), place, connection=connection, as_json=as_json
        )
    else:
        on_stack(place, lambda client, clock: summarize_all(client, clock=clock, as_json=as_json))


@deadletters.command()
def show(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUEUE [SEQUENCE]", help="With --event-subscription: an event's id, or nothing."
        ),
    ] = None,
    event_subscription: EventSubscription = None,
    first: Annotated[int, typer.Option("--from", min=0, help="From this number on.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=250, help="So many at most.")] = 20,
    connection: Connection = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Show the dead letters of a queue or event subscription, or one of them; bodies are masked."""
    named, place = what or [], StackPlace(data_dir, port, token_file)
    if event_subscription is not None:
        if connection or len(named) > 1:
            raise typer.BadParameter("give the id of one event or none, and no --connection")

        def use_deliveries(desk: "DeliveryDesk") -> Coroutine[Any, Any, None]:
            if named:
                return desk.show_one(event_subscription, named[0])
            return desk.show(event_subscription, first=first, limit=limit)

        with_deliveries(use_deliveries, place, as_json=as_json)
        return
    if len(named) not in (1, 2):
        raise typer.BadParameter("give a queue, and one sequence number or none")
    queue, numbers = named[0], [read_sequence(each) for each in named[1:]]

    def use(desk: "DeadLetterDesk") -> Coroutine[Any, Any, None]:
        if numbers:
            return desk.show_one(queue, numbers[0])
        return desk.show(queue, first=first, limit=limit)

    at_desk(use, place, connection=connection, as_json=as_json)


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
    token_file: TokenFile = None,
) -> None:
    """Move dead letters back to their queue, oldest first; or have deliveries made again."""
    from shared.clock import SystemClock

    named, place = what or [], StackPlace(data_dir, port, token_file)
    if event_subscription is not None:
        if connection or bool(named) == everything:
            raise typer.BadParameter("give either ids of events or --all, and no --connection")
        with_deliveries(
            lambda desk: desk.redrive(event_subscription, named), place, as_json=as_json
        )
        return
    numbers = [read_sequence(each) for each in named[1:]]
    if not named or bool(numbers) == everything:
        raise typer.BadParameter("give a queue, and either sequence numbers or --all")
    now = SystemClock().now()
    at_desk(
        lambda desk: desk.redrive(named[0], numbers, before=now),
        place,
        connection=connection,
        as_json=as_json,
    )


@deadletters.command()
def purge(
    queue: Annotated[str | None, typer.Argument(help="For example commands.")] = None,
    sequence: Numbers = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are there now.")] = False,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE|INSTANT", help="Such as 7d; by when they were sent.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    event_subscription: Annotated[str | None, typer.Option(hidden=True)] = None,
    connection: Connection = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
) -> None:
    """Remove dead letters of a queue for good; asks before it does."""
    from shared.cli.ages import instant_of
    from shared.clock import SystemClock

    if event_subscription is not None:
        raise typer.BadParameter(PURGED_WITH_EVENTS)
    if queue is None or [bool(sequence), everything, older_than is not None].count(True) != 1:
        raise typer.BadParameter("give a queue, and sequence numbers, --older-than or --all")
    before = SystemClock().now()
    if older_than is not None:
        before = instant_of("--older-than", older_than, before)

    def run(use: "Callable[[DeadLetterDesk], Coroutine[Any, Any, Value]]") -> Value:
        place = StackPlace(data_dir, port)
        return at_desk(use, place, connection=connection, as_json=as_json)

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


def with_deliveries(
    use: "Callable[[DeliveryDesk], Coroutine[Any, Any, None]]", place: StackPlace, *, as_json: bool
) -> None:
    """Run a command on what an event subscription of a stack did not get."""
    from shared.cli.delivery_letters import DeliveryDesk
    from shared.cli.stack_client import on_stack

    on_stack(place, lambda client, clock: use(DeliveryDesk(client, clock=clock, as_json=as_json)))


def at_desk(
    use: "Callable[[DeadLetterDesk], Coroutine[Any, Any, Value]]",
    place: StackPlace,
    *,
    connection: bool,
    as_json: bool,
) -> Value:
    """Run a command on the dead letters of a stack's queues, or of the environment's namespace."""
    from shared.cli.deadletters import DeadLetterDesk
    from shared.cli.letter_boxes import HostedLetters, namespace_letters
    from shared.cli.stack_client import on_stack
    from shared.clock import SystemClock

    if not connection:
        return on_stack(
            place,
            lambda client, clock: use(
                DeadLetterDesk(HostedLetters(client), clock=clock, as_json=as_json)
            ),
        )

    async def run() -> Value:
        async with namespace_letters(SystemClock()) as box:
            return await use(DeadLetterDesk(box, clock=SystemClock(), as_json=as_json))

    return asyncio.run(run())
