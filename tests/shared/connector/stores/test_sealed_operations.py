from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from shared.connector.stores.sealed_operations import SealedOperations
from shared.sealing import Sealer
from shared.sql.database import Database
from shared.wire.commands import canonical_json
from tests.contracts.sealed_rows import SealedRowsContract, read
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import CLOUD_SERVICE, SEALER, World, message, opened


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    _, client = scripted(answer(200))
    async with opened(tmp_path, client) as world:
        yield world


class TestSealedOperations(SealedRowsContract):
    @pytest.fixture
    def rows(self) -> SealedOperations:
        return SealedOperations()

    @pytest.fixture
    def database(self, world: World) -> Database:
        return world.database

    @pytest.fixture
    async def filled(self, world: World) -> tuple[Sealer, Sequence[str]]:
        bodies = [{**CLOUD_SERVICE, "label": str(number)} for number in range(3)]
        for body in bodies:
            await world.accept(
                message("CreateOrUpdateCloudService", "/cloudservices/cs1", body),
                message("DeleteCloudService", "/cloudservices/cs1"),
            )
        return SEALER, [canonical_json(dict(body)).decode() for body in bodies]


async def test_an_operation_that_has_ended_has_nothing_sealed(world: World) -> None:
    await world.accept(message("CreateOrUpdateCloudService", "/cloudservices/cs1", CLOUD_SERVICE))
    assert len(await read(SealedOperations(), world.database)) == 1

    await world.work()

    assert await read(SealedOperations(), world.database) == []
