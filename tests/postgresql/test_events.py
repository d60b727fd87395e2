"""The tests of the event log, of event subscriptions and deliveries, run again over PostgreSQL."""

from collections.abc import Callable
from inspect import signature
from types import ModuleType

import pytest

from shared.sql.postgresql import PostgresDatabase
from tests.clocks import FakeClock
from tests.shared.events import test_delivery, test_event_subscriptions, test_log
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.test_sealed_secrets import TestSealedSecrets
from tests.shared.events.world import World, assemble

__all__ = ["TestSealedSecrets"]

LEFT_OUT = {
    # They look at what has happened within some turns of the event loop.
    "test_at_most_eight_are_on_their_way",
    "test_p7_who_lost_the_lease_writes_nothing",
    # It counts what is read, which is the same, and takes seconds to fill.
    "test_p12_a_rare_type_is_looked_for_in_parts_of_the_log",
    # They end before a database is asked.
    "test_p10_every_fault_of_a_request_is_told_by_its_path",
}


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def world(database: PostgresDatabase, sink: MemorySink) -> World:
    return assemble(database, FakeClock(), sink.open)


def that_have_a_world(module: ModuleType) -> dict[str, Callable[..., object]]:
    """Return the tests of a module whose world may be any."""
    return {
        name: test
        for name, test in vars(module).items()
        if name.startswith("test_")
        and name not in LEFT_OUT
        and "world" in signature(test).parameters
    }


for tests in map(that_have_a_world, (test_log, test_delivery, test_event_subscriptions)):
    assert not globals().keys() & tests.keys()
    globals().update(tests)
