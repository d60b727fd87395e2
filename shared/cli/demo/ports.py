"""Where the processes of the demo listen."""

import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from socket import create_server

LISTENABLE = range(20_000, 32_000)
"""Below the ports that a system hands to outgoing connections (Linux: from 32768, macOS and Windows: from 49152): a
process that is killed and started again finds its port as it left it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where each server of the demo listens, on loopback."""

    host: int
    scheduler: int
    receiver: int
    broker: int


def free_ports(candidates: Iterable[int] | None = None) -> Ports:
    """Return the first of the candidates that nobody listens on at this moment; without candidates, any."""
    free = free_ones(
        random.sample(LISTENABLE, len(LISTENABLE)) if candidates is None else candidates
    )
    return Ports(host=next(free), scheduler=next(free), receiver=next(free), broker=next(free))


def free_ones(candidates: Iterable[int]) -> Iterator[int]:
    """Yield those of the candidates that nobody listens on when their turn comes."""
    for port in candidates:
        try:
            with closing(create_server(("127.0.0.1", port))):
                pass
        except OSError:  # somebody does
            continue
        yield port
