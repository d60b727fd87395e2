from collections.abc import Sequence

import pytest

from shared.scheduler.stores.sealed_jobs import SealedJobs
from shared.sealing import Sealer
from shared.sql.database import Database
from tests.contracts.sealed_rows import SealedRowsContract, opened, read
from tests.shared.scheduler.scheduler_stack import JOBS, Stack

SECRETS = ("s3cret-1", "s3cret-2", "s3cret-3")
FORGED = "sealed1.k1.c29tZWJvZHkgZWxzZSdz"


async def put_job(stack: Stack, name: str, **request: object) -> None:
    action = {"type": "http", "request": {"uri": "http://e.org/", "method": "GET", **request}}
    answer = await stack.call("PUT", f"{JOBS}/{name}", {"action": action})  # type: ignore[dict-item]
    assert answer.status == 201, answer.text()


def basic(password: str) -> dict[str, str]:
    return {"type": "basic", "username": "u", "password": password}


class TestSealedJobs(SealedRowsContract):
    @pytest.fixture
    def rows(self) -> SealedJobs:
        return SealedJobs()

    @pytest.fixture
    def database(self, stack: Stack) -> Database:
        return stack.database

    @pytest.fixture
    async def filled(self, stack: Stack) -> tuple[Sealer, Sequence[str]]:
        await stack.prepare()
        for number, secret in enumerate(SECRETS):
            await put_job(stack, f"Nightly-{number}", authentication=basic(secret))
        return stack.sealer, SECRETS


async def test_only_secret_members_are_sealed_values_whatever_a_caller_writes(stack: Stack) -> None:
    await stack.prepare()
    await put_job(stack, "plain")
    await put_job(stack, "forged", headers={"x-password": FORGED, "password": FORGED})
    await put_job(stack, "both", headers={"password": FORGED}, authentication=basic(FORGED))

    found = await read(SealedJobs(), stack.database)

    assert [opened(SealedJobs(), row, stack.sealer) for row in found] == [[], [], [FORGED]]
