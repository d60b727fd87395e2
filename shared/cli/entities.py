"""`tocsin entities`: what the entities of a broker hold, read beside it."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli.cells import Cell
from shared.cli.terminal import UNBOUNDED
from shared.served_broker.counts import read_counts
from shared.served_broker.folder import BrokerFolder

NUMBERS = ("Active", "Scheduled", "Deferred", "Dead-lettered", "Size")
UNITS = ("B", "KiB", "MiB", "GiB")
UNIT = 1024


def show_entities(path: Path) -> None:
    """Print a table for each namespace in a folder: its queues, topics and subscriptions.

    Raises:
        ConfigurationError: no broker was ever started there, or its databases cannot be read.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=UNBOUNDED)
    print_entities(BrokerFolder(path), console)


def print_entities(folder: BrokerFolder, console: Console) -> None:
    for namespace in folder.namespaces():
        table = Table()
        table.add_column("Entity", overflow="fold")
        for name in NUMBERS:
            table.add_column(name, justify="right", no_wrap=True)
        for one in read_counts(folder.database(namespace.name), namespace):
            numbers = (one.active, one.scheduled, one.deferred, one.dead_lettered)
            row = (one.path, *(f"{each:,}" for each in numbers), sized(one.size))
            # A name is somebody else's text: no markup counts in it.
            table.add_row(*map(Cell, row))
        console.print(Text(namespace.name, style="bold"), table)


def sized(size: int) -> str:
    """Return a number of bytes in the largest unit of which there is one, such as `3.4 KiB`."""
    value, unit = float(size), UNITS[0]
    for unit in UNITS:
        if value < UNIT or unit == UNITS[-1]:
            break
        value /= UNIT
    return f"{size} B" if unit == UNITS[0] else f"{value:.1f} {unit}"
