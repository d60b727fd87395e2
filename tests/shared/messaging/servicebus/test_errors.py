"""Errors over a real wire, and those that only Azure tells."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import exceptions as sdk

from shared.clock import SystemClock
from shared.errors import (
    ConfigurationError,
    EntityNotFoundError,
    MessageLockLostError,
    MessageSizeExceededError,
    NotFoundError,
    PermanentError,
    QuotaExceededError,
    SessionCannotBeLockedError,
    SessionLockLostError,
    TocsinError,
    TransientError,
)
from shared.messaging.entities import NamespaceDescription, QueueDescription
from shared.messaging.message import Message
from shared.messaging.servicebus.broker import ServiceBusBroker
from shared.messaging.servicebus.connection import ServiceBusConnection
from shared.messaging.servicebus.errors import is_broken, translated, translation
from tests.contracts.broker_steps import QUEUE, one, take, text
from tests.shared.messaging.amqp.serving import Served, serving

SMALL = "small"
ORDERED = "ordered"
NAMESPACE = NamespaceDescription(
    name="ns",
    queues=(
        QueueDescription(name=QUEUE),
        QueueDescription(name=SMALL, max_size=100),
        QueueDescription(name=ORDERED, requires_session=True),
    ),
)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(NAMESPACE) as served:
        yield served


@asynccontextmanager
async def connected(connection_string: str) -> AsyncIterator[ServiceBusBroker]:
    broker = ServiceBusBroker(
        ServiceBusConnection(connection_string=connection_string), clock=SystemClock()
    )
    try:
        yield broker
    finally:
        await broker.close()


async def test_p8_wrong_key_is_the_operators_and_is_not_told(served: Served) -> None:
    wrong = served.connection_string.replace("SharedAccessKey=", "SharedAccessKey=s3cret")

    async with connected(wrong) as broker:
        with pytest.raises(ConfigurationError) as caught:
            await broker.send(QUEUE, [text("a")])

    assert caught.value.code == "ServiceBusUnauthorized"
    assert "check the key" in caught.value.message
    assert "s3cret" not in str(caught.value)


async def test_expired_token_is_the_operators(served: Served) -> None:
    endpoint = served.connection_string.split(";")[0]
    token = "SharedAccessSignature sr=x&sig=x&se=1&skn=RootManageSharedAccessKey"
    expired = f"{endpoint};SharedAccessSignature={token};UseDevelopmentEmulator=true"

    async with connected(expired) as broker:
        with pytest.raises(ConfigurationError) as caught:
            await broker.send(QUEUE, [text("a")])

    assert caught.value.code == "ServiceBusUnauthorized"


async def test_unknown_entities_are_told_by_what_was_asked_of_them(served: Served) -> None:
    async with connected(served.connection_string) as broker:
        with pytest.raises(EntityNotFoundError, match="no queue or topic 'nowhere' to send to"):
            await broker.send("nowhere", [text("a")])
        with pytest.raises(
            EntityNotFoundError, match="no queue or subscription 'nowhere' to receive from"
        ):
            await take(broker.receiver("nowhere"))


async def test_what_the_broker_does_not_take_is_refused_for_good(served: Served) -> None:
    async with connected(served.connection_string) as broker:
        with pytest.raises(MessageSizeExceededError, match="262144"):
            await broker.send(QUEUE, [Message(body=bytes(300_000))])
        with pytest.raises(MessageSizeExceededError, match="262144"):
            await broker.send(QUEUE, [text("a"), Message(body=bytes(300_000))])
        with pytest.raises(PermanentError) as caught:
            await broker.send(ORDERED, [text("a")])
        with pytest.raises(QuotaExceededError):
            await broker.send(SMALL, [Message(body=bytes(200))])

    assert caught.value.code == "InvalidOperation"


async def test_errors_of_the_sdk_are_chained(served: Served) -> None:
    async with connected(served.connection_string) as broker:
        await broker.send(QUEUE, [text("a")])
        first, second = broker.receiver(QUEUE), broker.receiver(f"{QUEUE}/$DeadLetterQueue")
        await first.dead_letter(await one(first), reason="r", description="d")
        letter = await one(second)

        with pytest.raises(PermanentError) as caught:
            await second.dead_letter(letter, reason="r", description="d")

    assert isinstance(caught.value.__cause__, sdk.ServiceBusError)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (sdk.MessageLockLostError(), MessageLockLostError, "MessageLockLost"),
        (sdk.MessageAlreadySettled(action="complete"), MessageLockLostError, "MessageLockLost"),
        (sdk.SessionLockLostError(), SessionLockLostError, "SessionLockLost"),
        (sdk.SessionCannotBeLockedError(), SessionCannotBeLockedError, "SessionCannotBeLocked"),
        (sdk.MessageSizeExceededError(), MessageSizeExceededError, "MessageSizeExceeded"),
        (sdk.ServiceBusQuotaExceededError(), QuotaExceededError, "QuotaExceeded"),
        (sdk.MessageNotFoundError(), NotFoundError, "MessageNotFound"),
        (sdk.MessagingEntityNotFoundError(), EntityNotFoundError, "MessagingEntityNotFound"),
        (sdk.MessagingEntityDisabledError(), ConfigurationError, "MessagingEntityDisabled"),
        (sdk.ServiceBusAuthenticationError(), ConfigurationError, "ServiceBusUnauthorized"),
        (sdk.ServiceBusAuthorizationError(), ConfigurationError, "ServiceBusUnauthorized"),
        (ClientAuthenticationError("no token"), ConfigurationError, "ServiceBusUnauthorized"),
        (sdk.ServiceBusServerBusyError(), TransientError, "ServerBusy"),
        (sdk.OperationTimeoutError(), TransientError, "ServiceBusUnavailable"),
        (sdk.ServiceBusConnectionError(), TransientError, "ServiceBusUnavailable"),
        (sdk.ServiceBusCommunicationError(), TransientError, "ServiceBusUnavailable"),
        (sdk.ServiceBusError("odd"), TransientError, "ServiceBusUnavailable"),
        (AttributeError("a flaw of the SDK"), TransientError, "ServiceBusUnavailable"),
        (
            sdk.ServiceBusError("no", condition=b"amqp:not-allowed"),
            PermanentError,
            "InvalidOperation",
        ),
        (
            sdk.ServiceBusError("no", condition=b"com.microsoft:argument-out-of-range"),
            PermanentError,
            "InvalidArgument",
        ),
        (
            sdk.ServiceBusError("no", condition=b"amqp:internal-error"),
            TransientError,
            "ServiceBusUnavailable",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_error_of_the_sdk_has_one_of_ours(
    error: Exception, kind: type[TocsinError], code: str
) -> None:
    ours = translation(error, "queue 'q'")

    assert type(ours) is kind
    assert ours.code == code
    assert "queue 'q'" in str(ours)
    assert is_broken(error) is (code == "ServiceBusUnavailable")


def test_busy_namespace_says_when_to_come_again() -> None:
    error = translation(sdk.ServiceBusServerBusyError(), "q")

    assert isinstance(error, TransientError)
    assert error.retry_after == timedelta(seconds=10)


def test_what_is_ours_already_stays_as_it_is() -> None:
    with pytest.raises(NotFoundError, match="^as it was$"), translated("q"):
        raise NotFoundError("as it was")
