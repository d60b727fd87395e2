"""How long the engine is struck: `make chaos` does it for longer than a run of all tests."""

import pytest

SUITE_ROUNDS = 25


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="of the first of the random rounds")
    parser.addoption("--rounds", type=int, default=SUITE_ROUNDS, help="how many random rounds")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each round a test of its own, named by the seed that repeats it."""
    if "seed" in metafunc.fixturenames:
        # Of a run of all tests this file is read too late to add options.
        first = metafunc.config.getoption("--seed", default=1)
        rounds = metafunc.config.getoption("--rounds", default=SUITE_ROUNDS)
        metafunc.parametrize("seed", range(first, first + rounds))
    if "stride" in metafunc.fixturenames:
        is_long = metafunc.config.getoption("--rounds", default=SUITE_ROUNDS) > SUITE_ROUNDS
        metafunc.parametrize("stride", [1 if is_long else 3])
