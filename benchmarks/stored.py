"""What a command costs beside a thousand and beside a million operations that are stored already, with their events.

python -m benchmarks.stored [stored]

The stack is stopped, its tables are filled with copies of an operation that has ended and of its event, and it starts
again. A command is a PUT of a job, up to its completion event at a webhook, as in `benchmarks.path`.
"""

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.machine import describe, fsync_milliseconds
from benchmarks.path import (
    CLOCK,
    COMMANDS,
    Target,
    create_collections,
    idle,
    measure_to_event,
    subscribe,
    write_plan,
)
from shared.cli.demo.ports import free_ports
from shared.cli.demo.run import APP_SETTINGS
from shared.cli.demo.stage import Stage
from shared.cli.demo.timeline import Timeline, timeline_console
from shared.cli.host_client import HostClient
from shared.cli.stack_folder import StackFolder
from shared.settings import export_environment

FEW, MANY = 1000, 1_000_000
NUMBERS = (
    "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {many})"
)


async def measure(many: int) -> None:
    export_environment(APP_SETTINGS)
    with tempfile.TemporaryDirectory() as name:
        folder, ports = Path(name), free_ports()
        stage = Stage(folder, ports, timeline=Timeline(timeline_console(), CLOCK), clock=CLOCK)
        print(f"{describe()}, fsync {fsync_milliseconds(folder):.2f} ms\n")
        try:
            await stage.start_receiver()
            await stage.start_stack()
            key = StackFolder(folder / "stack").host_key()
            target = Target(name="connector", plan=folder / "connector.json")
            async with HostClient(f"http://127.0.0.1:{ports.host}", key=key) as client:
                paths = await create_collections(client)
                write_plan(target, port=ports.host, key=key, paths=paths)
                await subscribe(client, stage)
            for stored in (FEW, many):
                await idle(stage.stack_pid)
                await stage.kill_stack()
                fill(folder / "stack" / "tocsin.db", stored)
                await stage.start_stack()
                await idle(stage.stack_pid)
                for _ in range(2):
                    await measure_to_event(stage, target, COMMANDS, f"beside {stored:,} stored")
        finally:
            await stage.stop()


def fill(database: Path, number: int) -> None:
    """Copy an operation that has ended, and its event, until there are so many of each."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, names in (("operation", ("number",)), ("event", ("position", "number"))):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            [(last, stored)] = connection.execute(f"SELECT max({names[-1]}), count(*) FROM {table}")
            values = [
                f"{last} + n" if name in names else "'copy' || n || id" if name == "id" else name
                for name in columns
            ]
            connection.execute(
                f"{NUMBERS.format(many=max(number - stored, 1))} INSERT INTO {table}"
                f" ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table}, counted"
                f" WHERE {names[-1]} = {last}"
            )
        connection.execute("UPDATE event_log SET last_number = (SELECT max(number) FROM event)")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else MANY))
