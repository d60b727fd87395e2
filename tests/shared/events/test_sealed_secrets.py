from collections.abc import Sequence

import pytest

from shared.events.sealed_secrets import SealedSecrets
from shared.sealing import Sealer
from shared.sql.database import Database
from tests.contracts.sealed_rows import SealedRowsContract
from tests.shared.events.world import SEALER, World


class TestSealedSecrets(SealedRowsContract):
    @pytest.fixture
    def rows(self) -> SealedSecrets:
        return SealedSecrets()

    @pytest.fixture
    def database(self, world: World) -> Database:
        return world.database

    @pytest.fixture
    async def filled(self, world: World) -> tuple[Sealer, Sequence[str]]:
        secrets = {}
        for number in range(3):
            secret = f"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS{'AQg'[number]}"
            body = b'{"sink": {"type": "webhook", "url": "https://e.org/", "secret": "%s"}}'
            created = await world.event_subscriptions.create(body % secret.encode(), caller="key")
            secrets[created.id] = secret
        return SEALER, [secrets[name] for name in sorted(secrets)]
