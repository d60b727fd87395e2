import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.errors import ConfigurationError
from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Attempt
from shared.scheduler.actions.storage_message import client_request_id, wrapped
from shared.scheduler.actions.storage_queue import TIME_LIMIT, StorageQueueAction
from tests.contracts.action import ActionContract, Behaviour
from tests.shared.scheduler.actions.attempts import TOKEN, putting
from tests.shared.scheduler.actions.azurite import Azurite, member_of, texts_in
from tests.shared.scheduler.actions.calling import LOOPBACK, SEALER
from tests.target_server import Asked, TargetServer, serving

CREATED = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"


def storage_action(
    endpoint: str, *, guard: AddressGuard = LOOPBACK, time_limit: timedelta = TIME_LIMIT
) -> StorageQueueAction:
    return StorageQueueAction(guard, sealer=SEALER, endpoint=endpoint, time_limit=time_limit)


def echo(asked: Asked) -> bytes:
    """Send everything back that came, in a header and in the body."""
    sent = asked.head + asked.body
    return (
        f"HTTP/1.1 403 Forbidden\r\nx-ms-error-code: {asked.line}\r\n"
        f"content-length: {len(sent)}\r\n\r\n"
    ).encode() + sent


ANSWERS: dict[Behaviour, Callable[[Asked], bytes | None]] = {
    Behaviour.TAKE: lambda _: CREATED,
    Behaviour.REFUSE: lambda _: b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
    Behaviour.HANG_UP: lambda _: None,
    Behaviour.STAY_SILENT: lambda _: b"",
    Behaviour.ECHO: echo,
}


@dataclass
class AimedQueue:
    server: TargetServer
    action: StorageQueueAction

    @property
    def attempt(self) -> Attempt:
        return putting(message=f"the {TOKEN}")

    @property
    def secrets(self) -> list[str]:
        return [TOKEN, "s3cretsignature"]

    @property
    def received(self) -> list[str]:
        return [tag_of(asked) for asked in self.server.requests]

    def behave(self, behaviour: Behaviour) -> None:
        self.server.answer = ANSWERS[behaviour]


def tag_of(asked: Asked) -> str:
    [document] = texts_in(asked.body)
    return member_of(document, "ExecutionTag")


class TestStorageQueueAction(ActionContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[AimedQueue]:
        async with serving(ANSWERS[Behaviour.TAKE]) as server:
            action = storage_action(
                f"{server.url}{{account}}", time_limit=timedelta(milliseconds=900)
            )
            yield AimedQueue(server, action)
            await action.close()


@pytest.fixture
async def action(azurite: Azurite) -> AsyncIterator[StorageQueueAction]:
    action = storage_action(azurite.endpoint)
    yield action
    await action.close()


async def test_a_queue_of_azurite_holds_the_message(
    azurite: Azurite, action: StorageQueueAction
) -> None:
    queue = azurite.queue("taken")
    attempt = putting(queue, token=azurite.sas(queue), message="größer & <b>\r\n")

    outcome = await action.execute(attempt)

    assert outcome.is_success
    assert outcome.message == (
        "StorageQueue Action - Message for storage account 'tocsin' and queue 'taken' succeeded"
    )
    assert azurite.messages(queue) == [wrapped(attempt, "größer & <b>\r\n")]


async def test_a_token_as_the_portal_shows_it_is_taken(
    azurite: Azurite, action: StorageQueueAction
) -> None:
    queue = azurite.queue("portal")

    outcome = await action.execute(putting(queue, token=f" ?{azurite.sas(queue)}\n"))

    assert outcome.is_success
    assert len(azurite.messages(queue)) == 1


async def test_a_job_without_a_message_sends_an_empty_one(
    azurite: Azurite, action: StorageQueueAction
) -> None:
    queue = azurite.queue("empty")
    attempt = putting(queue, token=azurite.sas(queue))
    message = attempt.action["queueMessage"]
    assert isinstance(message, dict)
    del message["message"]

    assert (await action.execute(attempt)).is_success
    [document] = azurite.messages(queue)
    assert member_of(document, "Message") == ""


async def test_a_queue_that_does_not_exist_is_told_as_powershell_reads_it(
    azurite: Azurite, action: StorageQueueAction
) -> None:
    outcome = await action.execute(putting("missing", token=azurite.sas("missing")))

    assert not outcome.is_success
    assert outcome.message == (
        "StorageQueue Action - The queue 'missing' does not exist in storage account 'tocsin'"
    )
    assert outcome.reason == "HTTP 404"


@pytest.mark.parametrize(
    ("queue", "grant", "error"),
    [
        ("readable", {"permissions": "r"}, "AuthorizationPermissionMismatch"),
        ("expired", {"expiry": "2020-01-01T00:00:00Z"}, "AuthenticationFailed"),
    ],
)
async def test_p8_a_token_that_is_no_good_is_told_in_the_services_own_word(
    azurite: Azurite, action: StorageQueueAction, queue: str, grant: dict[str, str], error: str
) -> None:
    token = azurite.sas(azurite.queue(queue), **grant)

    outcome = await action.execute(putting(queue, token=token))

    assert not outcome.is_success
    assert outcome.message.endswith(f"failed: The service answered 'Forbidden': {error}")
    assert token not in outcome.message


async def test_an_account_key_in_place_of_a_token_is_refused_when_it_is_used(
    azurite: Azurite, action: StorageQueueAction
) -> None:
    outcome = await action.execute(putting(azurite.queue("key"), token="a2V5LW9mLWFjY291bnQ=="))

    assert not outcome.is_success
    assert "a2V5" not in outcome.message


async def test_what_is_sent_is_put_message() -> None:
    async with serving(CREATED) as server:
        action = storage_action(f"{server.url}{{account}}/")
        sent = putting("a/../b?c#d", account="a.b")
        await action.execute(sent)
        await action.close()

    [asked] = server.requests
    assert asked.line == f"POST /a.b/a%2F..%2Fb%3Fc%23d/messages?{TOKEN} HTTP/1.1"
    assert asked.header("content-type") == "application/xml"
    assert asked.header("x-ms-client-request-id") == client_request_id(sent)
    assert asked.header("x-ms-version") == "2020-12-06"


@pytest.mark.parametrize("token", ["", "sig=a b", "sig=a\r\nX: y", "sig=a#b", "sig=ä", "?"])
async def test_p10_a_token_that_is_no_query_is_not_sent(token: str) -> None:
    async with serving(CREATED) as server:
        action = storage_action(f"{server.url}{{account}}")
        outcome = await action.execute(putting(token=token))
        await action.close()

    assert server.requests == []
    assert outcome.reason == "not_sendable"
    assert outcome.message.endswith(" as it is written: the SAS token is no query")


async def test_p9_a_private_address_is_refused() -> None:
    async with serving(CREATED) as server:
        action = storage_action(f"{server.url}{{account}}", guard=AddressGuard())
        outcome = await action.execute(putting())
        await action.close()

    assert server.requests == []
    assert outcome.reason == "not_allowed"
    assert "AddressNotAllowed" in outcome.message


async def test_an_account_that_does_not_exist_is_told_as_powershell_reads_it() -> None:
    action = storage_action("https://{account}.queue.invalid")
    outcome = await action.execute(putting())
    await action.close()

    assert outcome.message == (
        "StorageQueue Action - The storage account 'tocsin' could not be found for queue 'q1':"
        " NameResolutionFailure The remote name could not be resolved: 'tocsin.queue.invalid'"
    )


async def test_p8_a_token_of_another_job_does_not_open() -> None:
    action = storage_action("http://127.0.0.1:1/{account}")
    with pytest.raises(ConfigurationError):
        await action.execute(replace(putting(), job="hourly"))
    await action.close()


def test_an_app_that_sends_nothing_does_not_import_aiohttp() -> None:
    program = (
        "import sys, shared.scheduler.actions.storage_queue;sys.exit('aiohttp' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
