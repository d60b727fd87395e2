"""The in-process client against the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest

from shared.client.memory import AsgiApp, MemorySchedulerClient, Message
from shared.client.scheduler import OutcomeUnknownError, RestRequest, SchedulerClient
from tests.contracts.scheduler_client import LONG, SchedulerClientContract, server_app

CERTIFICATE = b"a certificate in DER form"


class TestMemorySchedulerClient(SchedulerClientContract):
    fingerprint = sha256(CERTIFICATE).hexdigest()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SchedulerClient]:
        yield MemorySchedulerClient(server_app, certificate=CERTIFICATE)


async def raising_app(_scope: Message, _receive: object, _send: object) -> None:
    raise RuntimeError("a bug")


async def mute_app(_scope: Message, _receive: object, _send: object) -> None:
    return


@pytest.mark.parametrize("app", [raising_app, mute_app])
async def test_app_that_does_not_answer_is_a_broken_connection(app: AsgiApp) -> None:
    client = MemorySchedulerClient(app)

    with pytest.raises(OutcomeUnknownError):
        await client.send(RestRequest(method="PUT", target="/s1"), within=LONG)
