"""How long the engine is struck: `make chaos` does it for longer than a run of all tests."""

import pytest

from tests.conftest import SUITE_ROUNDS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each round a test of its own, named by the seed that repeats it."""
    rounds = metafunc.config.getoption("--rounds")
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--seed")
        metafunc.parametrize("seed", range(first, first + rounds))
    if "stride" in metafunc.fixturenames:
        metafunc.parametrize("stride", [1 if rounds > SUITE_ROUNDS else 3])
