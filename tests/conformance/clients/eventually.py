"""Waiting for what another process does in its own time."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from shared.clock import SystemClock

Value = TypeVar("Value")
LIMIT = timedelta(seconds=20)


def eventually(look: Callable[[], Value]) -> Value:
    """Return the first thing found that is not empty; asking over TLS takes long enough to need no pause."""
    clock = SystemClock()
    deadline = clock.now() + LIMIT
    while not (found := look()):
        assert clock.now() < deadline, f"nothing found within {LIMIT}"
    return found
