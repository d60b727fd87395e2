from collections.abc import Iterator

import pytest

from tests.shared.cli.running_stack import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The one that every command of this process asks; each test module has names of its own there."""
    with running_stack(tmp_path_factory.mktemp("stack") / "data") as running:
        yield running
