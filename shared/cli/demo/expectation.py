"""What the demo waits for, said before it waits, so that a failure can tell what was expected and what was found."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from shared.clock import Clock
from shared.errors import TocsinError

Value = TypeVar("Value")
POLL_EVERY = timedelta(milliseconds=50)
PATIENCE = timedelta(seconds=90)
"""Where a kill has cut off a wake-up before it was sent, sweep sends it a minute later."""


class UnmetExpectationError(TocsinError):
    """Something the demo promised was not seen."""

    default_code = "UnmetExpectation"

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}; found {found}")
        self.expected = expected
        self.found = found


class Found:
    """What a probe saw that is not yet what was expected."""

    def __init__(self, what: str) -> None:
        self.what = what


def expect(is_met: bool, expected: str, found: object) -> None:
    """Raise UnmetExpectationError unless it is met."""
    if not is_met:
        raise UnmetExpectationError(expected, str(found))


async def wait_until(
    expected: str,
    probe: Callable[[], Awaitable[Value | Found]],
    *,
    within: timedelta,
    clock: Clock,
) -> Value:
    """Look again until the probe returns a value.

    Raises:
        UnmetExpectationError: it was not there `within` that time; tells what the last look saw.
    """
    deadline = clock.now() + within
    while isinstance(seen := await probe(), Found):
        if clock.now() >= deadline:
            limit = f"{expected} within {within.total_seconds():g} s"
            raise UnmetExpectationError(limit, seen.what)
        await clock.sleep(POLL_EVERY)
    return seen
