"""Ports for servers that have to come back at the same one: no other worker of this run is given them."""

import os
import random
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice

from shared.cli.demo import ports
from shared.cli.demo.ports import LISTENABLE, Ports, free_ones

WORKERS = 8
"""So many workers have ports of their own; more of them share."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and that is not handed out again for a long time."""
    return next(free_ones(candidates()))


def free_ports() -> Ports:
    """Return as many for a whole stage."""
    return ports.free_ports(candidates())


@cache
def candidates() -> Iterator[int]:
    """Return our worker's ports, one after the other for ever, beginning anywhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    ours = LISTENABLE[worker::WORKERS]
    return islice(cycle(ours), random.randrange(len(ours)), None)
