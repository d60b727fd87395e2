import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from shared.cli.entities import print_entities, sized
from shared.messaging.entities import NamespaceDescription, QueueDescription, TopicDescription
from shared.served_broker.folder import BrokerFolder

NAMESPACES = (
    NamespaceDescription(name="one", queues=(QueueDescription(name="orders"),)),
    NamespaceDescription(name="two", topics=(TopicDescription(name="[red]facts"),)),
)


def test_every_entity_has_a_row_below_its_namespace(tmp_path: Path) -> None:
    folder = BrokerFolder(tmp_path)
    folder.prepare(NAMESPACES, random_bytes=os.urandom)
    output = io.StringIO()

    print_entities(folder, Console(file=output, width=80))

    lines = [line.split() for line in output.getvalue().splitlines()]
    shown = [[word for word in line if word != "│"] for line in lines]
    assert ["one"] in shown
    assert ["orders", "0", "0", "0", "0", "0", "B"] in shown
    assert shown.index(["two"]) > shown.index(["orders", "0", "0", "0", "0", "0", "B"])
    assert ["[red]facts", "0", "0", "0", "0", "0", "B"] in shown


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
