"""Laws are judged by their outcome: a busy machine draws and runs examples slowly.

The options say how long chance is given: `make chaos` and `make fuzz` give it longer than a run of all tests.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.postgres import Databases

LONGEST = "shared/messaging/servicebus/test_broker.py"
"""Of all files: opening and closing what the SDK has takes a second, and each of its tests does."""
SUITE_ROUNDS = 15
SUITE_MUTATIONS = 10_000
SUITE_CONNECTIONS = 1000

settings.register_profile("tocsin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tocsin")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="of the first of the random rounds")
    parser.addoption("--rounds", type=int, default=SUITE_ROUNDS, help="how many rounds of chaos")
    parser.addoption(
        "--mutations", type=int, default=SUITE_MUTATIONS, help="how many requests made wrong"
    )
    parser.addoption(
        "--connections", type=int, default=SUITE_CONNECTIONS, help="how many malformed connections"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that waits longest, so that nobody waits for it in the end."""
    items.sort(key=lambda item: LONGEST not in item.nodeid)


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Databases]":
    """A PostgreSQL server of this test process."""
    from tests.postgres import serving

    with serving() as databases:
        yield databases


@pytest.fixture
def postgres_url(postgres: "Databases") -> Iterator[str]:
    """The URL of a database with all tables and nothing in them."""
    with postgres.emptied() as url:
        yield url


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The endpoint of an AWS of this test process."""
    from tests.aws_stand_in import standing_in

    with standing_in() as endpoint:
        yield endpoint
