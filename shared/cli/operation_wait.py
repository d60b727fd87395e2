"""Waiting for operations of a running stack, with progress on the terminal."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from shared.cli.stack_client import StackClient, segment
from shared.cli.terminal import duration_text, many, printable, progress_output
from shared.clock import NO_TIME, Clock
from shared.errors import TransientError

ENDED = frozenset({"Succeeded", "Failed", "Canceled"})
SUCCEEDED = "Succeeded"
FIRST_PAUSE = timedelta(milliseconds=50)
LONGEST_PAUSE = timedelta(seconds=1)
AT_ONCE = 16
ONE_LOOK = timedelta(seconds=5)
"""Even where no time is left, a look may take so long."""

Operation = dict[str, Any]


def operation_path(operation_id: str) -> str:
    """Return where an operation is."""
    return f"/api/operations/{segment(operation_id)}"


def has_ended(operation: Operation) -> bool:
    """Say whether nothing more becomes of it."""
    return operation["status"] in ENDED


async def wait_for(
    client: StackClient,
    operation_ids: Sequence[str],
    *,
    clock: Clock,
    within: timedelta | None = None,
) -> list[Operation]:
    """Return the operations when all have ended, or as they are when the time is up, in the order of their ids.

    Raises:
        NotFoundError: there is no such operation.
        TransientError: the stack gives no answer, and the time is up.
    """
    gate = asyncio.Semaphore(AT_ONCE)
    until = None if within is None else clock.now() + within
    with progress_bar() as bar:
        task = bar.add_task(waiting_text(len(operation_ids), within), total=len(operation_ids))

        async def watch(operation_id: str) -> Operation:
            pause = FIRST_PAUSE
            while True:
                async with gate:
                    operation = await look(client, operation_id, until=until, clock=clock)
                if has_ended(operation):
                    bar.advance(task)
                    return operation
                left = pause if until is None else until - clock.now()
                if left <= NO_TIME:
                    return operation
                await clock.sleep(min(pause, left))
                pause = min(pause * 2, LONGEST_PAUSE)

        return await asyncio.gather(*map(watch, operation_ids))


async def look(
    client: StackClient, operation_id: str, *, until: datetime | None, clock: Clock
) -> Operation:
    left = None if until is None else max(until - clock.now(), ONE_LOOK).total_seconds()
    try:
        async with asyncio.timeout(left):
            operation: Operation = await client.get(operation_path(operation_id))
    except TimeoutError as error:
        raise TransientError("the stack gave no answer before the time was up") from error
    return operation


def waiting_text(number: int, within: timedelta | None) -> str:
    most = "" if within is None else f", {duration_text(within)} at most"
    return f"waiting for {many(number, 'operation')}{most}"


def progress_bar() -> Progress:
    """Return a bar on stderr that is gone when it is done; what is no terminal gets none."""
    console = progress_output()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def end_text(operation: Operation) -> str:
    """Return how an operation ended, in a line."""
    what = f"{operation['command']} {operation['resource']}"
    error = operation.get("error")
    why = f": {error['code']}: {error['message']}" if error else ""
    return printable(f"{what}: {operation['status']}{why}")
