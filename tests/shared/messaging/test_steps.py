from pathlib import Path

import pytest

from shared.messaging.steps import in_steps
from shared.sql.database import Transaction
from shared.sql.inline import InlineDatabase


@pytest.mark.parametrize(("stored", "steps"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3)])
async def test_rows_are_taken_until_fewer_than_asked_for_are_left(
    tmp_path: Path, stored: int, steps: int
) -> None:
    database = InlineDatabase(tmp_path / "steps.db")
    taken: list[int] = []

    def take(_: Transaction) -> int:
        taken.append(min(2, stored - sum(taken)))
        return taken[-1]

    assert await in_steps(database, take, at_once=2) == stored
    assert len(taken) == steps
    await database.close()
