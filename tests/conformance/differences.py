"""Differences from recordings that are right in any session."""

from datetime import timedelta

from shared.wire.times import parse_instant
from tests.conformance.comparing import Difference, Mismatch
from tests.conformance.recordings import Exchange

GRAIN = timedelta(seconds=2)
OF_NOW = (".nextExecutionTime", ".lastExecutionTime")


def is_of_now(_: Exchange, mismatch: Mismatch) -> bool:
    recorded, ours = mismatch.recorded, mismatch.ours
    if not mismatch.where.endswith(OF_NOW):
        return False
    if not isinstance(recorded, str) or not isinstance(ours, str):
        return False
    return abs(parse_instant(recorded) - parse_instant(ours)) < GRAIN


FRACTION_OF_NOW = Difference(
    "an instant that follows from when a request came: its Date has whole seconds", is_of_now
)
