import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from shared.cli.entities import sized, table_of
from shared.messaging.entities import NamespaceDescription, QueueDescription, TopicDescription
from shared.served_broker.folder import BrokerFolder

NAMESPACES = (
    NamespaceDescription(name="one", queues=(QueueDescription(name="orders"),)),
    NamespaceDescription(name="two", topics=(TopicDescription(name="[red]facts"),)),
)


def test_every_entity_has_a_row(tmp_path: Path) -> None:
    folder = BrokerFolder(tmp_path)
    folder.prepare(NAMESPACES, random_bytes=os.urandom)
    output = io.StringIO()

    Console(file=output, width=100).print(table_of(folder))

    rows = [line.split() for line in output.getvalue().splitlines() if line.startswith("│")]
    assert [[row[1], row[3]] for row in rows] == [["one", "orders"], ["two", "[red]facts"]]
    assert rows[0][5:-1:2] == ["0", "0", "0", "0", "0"]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536 * 1024, "1.5 MiB"),
        (2**30, "1.0 GiB"),
        (2**42, "4096.0 GiB"),
    ],
)
def test_sizes_are_told_in_the_largest_unit(size: int, shown: str) -> None:
    assert sized(size) == shown
