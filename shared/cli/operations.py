"""`tocsin operations`: what the connector of a running stack was asked for, and how far it is."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from shared.cli.operation_wait import (
    SUCCEEDED,
    Operation,
    end_text,
    has_ended,
    operation_path,
    wait_for,
)
from shared.cli.stack_client import StackClient
from shared.cli.terminal import (
    Fitting,
    cell,
    distance_text,
    duration_text,
    facts_of,
    print_json,
    show,
    stacked,
    status_cell,
    table_of,
)
from shared.clock import Clock
from shared.wire.times import parse_instant

PAGE = 100
FAILED, TIME_IS_UP = 1, 3
"""Exit codes of a wait."""
EVERY = timedelta(seconds=2)


async def operations_of(
    client: StackClient, query: Mapping[str, object], *, limit: int
) -> list[Operation]:
    """Return up to `limit` operations, the newest first, page by page."""
    found: list[Operation] = []
    path = "/api/operations"
    asked: Mapping[str, object] = {**query, "limit": min(limit, PAGE)}
    while len(found) < limit:
        document = await client.get(path, asked)
        found += document["value"]
        if "nextLink" not in document:
            break
        # Where the stack says that it is reached may be elsewhere; the query is what counts.
        path, asked = f"/api/operations?{document['nextLink'].partition('?')[2]}", {}
    return found[:limit]


async def list_operations(
    client: StackClient, query: Mapping[str, object], *, limit: int, as_json: bool, clock: Clock
) -> None:
    """Print operations, the newest first."""
    operations = await operations_of(client, query, limit=limit)
    if as_json:
        print_json(operations)
    else:
        show(operations_table(operations, clock.now()))


async def watch_operations(
    client: StackClient, query: Mapping[str, object], *, limit: int, clock: Clock
) -> None:
    """Show operations, again every two seconds, until somebody interrupts it."""
    with Live(console=Console(highlight=False), auto_refresh=False, transient=False) as live:
        while True:
            operations = await operations_of(client, query, limit=limit)
            live.update(operations_table(operations, clock.now()), refresh=True)
            await clock.sleep(EVERY)


async def show_operation(
    client: StackClient, operation_id: str, *, as_json: bool, clock: Clock
) -> None:
    """Print everything about one operation."""
    operation = await client.get(operation_path(operation_id))
    if as_json:
        print_json(operation)
    else:
        show(operation_facts(operation, clock.now()))


async def wait_for_operations(
    client: StackClient,
    operation_ids: Sequence[str],
    *,
    within: timedelta | None,
    as_json: bool,
    clock: Clock,
) -> int:
    """Wait until all have ended or the time is up, print how they are, and return the exit code that says it."""
    operations = await wait_for(client, operation_ids, clock=clock, within=within)
    if as_json:
        print_json(operations)
    else:
        show(operations_table(operations, clock.now()))
    failed = [each for each in operations if has_ended(each) and each["status"] != SUCCEEDED]
    unended = [each for each in operations if not has_ended(each)]
    for each in failed:
        print(f"tocsin: {end_text(each)}", file=sys.stderr)
    for each in unended:
        print(f"tocsin: {end_text(each)} when the time was up; it goes on", file=sys.stderr)
    if failed:
        return FAILED
    return TIME_IS_UP if unended else 0


async def cancel_operation(client: StackClient, operation_id: str, *, as_json: bool) -> None:
    """Cancel an operation that has not started."""
    operation = (await client.send("POST", f"{operation_path(operation_id)}/cancel")).body
    if as_json:
        print_json(operation)
    else:
        print(end_text(operation))


def operations_table(operations: Sequence[Operation], now: datetime) -> RenderableType:
    """Return a table; each operation has a line of its own where there is room for it."""
    if not operations:
        return cell("no operations", "dim")
    heads = [head_of(each, now) for each in operations]
    columns = table_of(
        ("!Status", ">Age", ">Took", "!Id", "!Command", "Resource", "Error"),
        [
            [*head, *names_of(each), error_cell(each)]
            for head, each in zip(heads, operations, strict=True)
        ],
    )
    return Fitting(
        columns,
        lambda: table_of(
            ("!Status", ">Age", ">Took", "Operation"),
            [[*head, stacked_names(each)] for head, each in zip(heads, operations, strict=True)],
        ),
    )


def head_of(operation: Operation, now: datetime) -> list[RenderableType]:
    age = now - parse_instant(operation["requestedTime"])
    return [
        status_cell(operation["status"]),
        cell(duration_text(age)),
        cell(took_text(operation, now)),
    ]


def names_of(operation: Operation) -> list[RenderableType]:
    return [cell(operation["id"]), cell(operation["command"]), cell(operation["resource"])]


def stacked_names(operation: Operation) -> RenderableType:
    lines = [
        cell(operation["command"], "bold"),
        cell(operation["resource"]),
        cell(operation["id"], "dim"),
    ]
    return stacked(*lines, *([error_cell(operation)] if operation.get("error") else []))


def error_cell(operation: Operation) -> Text:
    """Return the code of the error, where there is one."""
    return cell((operation.get("error") or {}).get("code"), "red")


def took_text(operation: Operation, now: datetime) -> str | None:
    """Return how long it was carried out, by now if it still is."""
    started, finished = operation.get("startedTime"), operation.get("finishedTime")
    if started is None:
        return None
    end = now if finished is None else parse_instant(finished)
    return duration_text(end - parse_instant(started))


def operation_facts(operation: Operation, now: datetime) -> RenderableType:
    """Return everything about an operation."""
    facts: list[tuple[str, Any]] = [
        ("operation", cell(operation["id"])),
        ("command", cell(operation["command"])),
        ("resource", cell(operation["resource"])),
        ("status", status_cell(operation["status"])),
        ("caller", cell(operation["caller"])),
    ]
    if "correlationId" in operation:
        facts.append(("correlation id", cell(operation["correlationId"])))
    for name, member in (
        ("requested", "requestedTime"),
        ("started", "startedTime"),
        ("finished", "finishedTime"),
    ):
        if member in operation:
            instant = operation[member]
            facts.append((name, cell(f"{instant} ({distance_text(parse_instant(instant), now)})")))
    if not has_ended(operation) or "startedTime" in operation:
        facts.append(("took", cell(took_text(operation, now))))
    facts += error_facts(operation)
    for name, member in (("HTTP status", "httpStatus"), ("result", "resultLocation")):
        if member in operation:
            facts.append((name, cell(operation[member])))
    if "result" in operation:
        facts.append(("result", cell("in --json", "dim")))
    return facts_of(facts)


def error_facts(operation: Operation) -> list[tuple[str, Any]]:
    error = operation.get("error")
    if not error:
        return []
    return [("error", cell(f"{error['code']}: {error['message']}", "red"))]
