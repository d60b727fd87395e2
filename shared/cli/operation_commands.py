"""The commands of `./tocsin operations`; each imports what it needs when it is called."""

import sys
from contextlib import suppress
from typing import Annotated

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

operations = typer.Typer(
    help="See what the connector was asked for, wait for it, or cancel it.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Of an operation.")]


@operations.command("list")
def list_them(
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUS,…", help="NotStarted, Running, Succeeded, Failed, Canceled."),
    ] = None,
    resource: Annotated[
        str | None, typer.Option(metavar="PATH", help="Of this resource and all below it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="INSTANT|AGE", help="Not older: 2026-01-31T02:30Z, 2h.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20,
    watch: Annotated[bool, typer.Option("--watch", help="Show them again and again.")] = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Show operations, the newest first."""
    from shared.cli.ages import instant_text_of
    from shared.cli.operations import list_operations, watch_operations
    from shared.cli.stack_client import on_stack
    from shared.clock import SystemClock

    if watch and as_json:
        raise typer.BadParameter("give either --watch or --json")
    if watch and not sys.stdout.isatty():
        raise typer.BadParameter("--watch shows on a terminal, and stdout is none")
    from_then_on = None if since is None else instant_text_of("--since", since, SystemClock().now())
    query = {"status": status, "resource": resource, "since": from_then_on}
    if not watch:
        on_stack(
            StackPlace(data_dir, port, token_file),
            lambda client, clock: list_operations(
                client, query, limit=limit, as_json=as_json, clock=clock
            ),
        )
        return
    with suppress(KeyboardInterrupt):  # which is how it ends
        on_stack(
            StackPlace(data_dir, port, token_file),
            lambda client, clock: watch_operations(client, query, limit=limit, clock=clock),
        )


@operations.command()
def show(
    operation: Id,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Show everything about one operation."""
    from shared.cli.operations import show_operation
    from shared.cli.stack_client import on_stack

    on_stack(
        StackPlace(data_dir, port, token_file),
        lambda client, clock: show_operation(client, operation, as_json=as_json, clock=clock),
    )


@operations.command()
def wait(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Of operations.")],
    timeout: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="No longer than that: 90, 90s, 5m or PT5M."),
    ] = None,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Wait until operations have ended; exit code 1 if one did not succeed, 3 if the time is up."""
    from shared.cli.ages import duration_of
    from shared.cli.operations import wait_for_operations
    from shared.cli.stack_client import on_stack

    within = None if timeout is None else duration_of("--timeout", timeout)
    code = on_stack(
        StackPlace(data_dir, port, token_file),
        lambda client, clock: wait_for_operations(
            client, ids, within=within, as_json=as_json, clock=clock
        ),
    )
    if code:
        raise typer.Exit(code)


@operations.command()
def cancel(
    operation: Id,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Cancel an operation that has not been started."""
    from shared.cli.operations import cancel_operation
    from shared.cli.stack_client import on_stack

    on_stack(
        StackPlace(data_dir, port, token_file),
        lambda client, _: cancel_operation(client, operation, as_json=as_json),
    )
