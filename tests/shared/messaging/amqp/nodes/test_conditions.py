"""Each error has the condition that makes the SDKs raise what they raise against Azure."""

import asyncio
import logging
import re

import pytest
from azure.servicebus import (
    ServiceBusMessage,
)
from azure.servicebus import exceptions as told

from shared.clock import NO_TIME
from shared.errors import (
    AuthenticationError,
    ConflictError,
    EntityNotFoundError,
    Fault,
    InvalidFilterError,
    InvalidRequestError,
    MalformedFrameError,
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
from shared.messaging.amqp.nodes.conditions import describe_error, status_code
from tests.shared.messaging.amqp.sdk import (
    LOCK,
    QUEUE,
    SESSIONS,
    Sdk,
    messages,
    texts,
)

CASES: list[tuple[TocsinError, str, int]] = [
    (EntityNotFoundError("no"), "amqp:not-found", 404),
    (NotFoundError("no"), "amqp:not-found", 404),
    (NotFoundError("no", code="MessageNotFound"), "com.microsoft:message-not-found", 404),
    (AuthenticationError("no"), "amqp:unauthorized-access", 401),
    (ConflictError("no"), "com.microsoft:entity-already-exists", 409),
    (InvalidRequestError([Fault("a", "b")]), "com.microsoft:argument-error", 400),
    (InvalidFilterError("no"), "com.microsoft:argument-error", 400),
    (MalformedFrameError("no"), "amqp:decode-error", 400),
    (MessageLockLostError("no"), "com.microsoft:message-lock-lost", 410),
    (SessionLockLostError("no"), "com.microsoft:session-lock-lost", 410),
    (SessionCannotBeLockedError("no"), "com.microsoft:session-cannot-be-locked", 410),
    (MessageSizeExceededError("no"), "amqp:link:message-size-exceeded", 413),
    (QuotaExceededError("no"), "amqp:resource-limit-exceeded", 403),
    (TransientError("no"), "com.microsoft:server-busy", 503),
    (TransientError("no", code="OperationTimeout"), "com.microsoft:timeout", 408),
    (PermanentError("no", code="InvalidOperation"), "amqp:not-allowed", 400),
    (PermanentError("no", code="NotImplemented"), "amqp:not-implemented", 501),
]


@pytest.mark.parametrize(("fault", "condition", "status"), CASES, ids=lambda case: str(case))
def test_error_has_its_condition_text_and_status(
    fault: TocsinError, condition: str, status: int
) -> None:
    error = describe_error(fault)

    assert error.condition == condition
    assert error.description is not None
    assert error.description.endswith(fault.message)
    assert status_code(error) == status


def test_entity_that_is_not_found_is_told_in_the_words_that_the_javascript_sdk_looks_for() -> None:
    error = describe_error(EntityNotFoundError("there is no queue 'a'"))

    assert error.description is not None
    assert re.match("The messaging entity .* could not be found", error.description)


@pytest.mark.parametrize("fault", [ZeroDivisionError("secret"), TocsinError("secret")])
def test_what_nobody_decided_is_logged_and_told_without_its_text(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        error = describe_error(fault)

    assert error.condition == "amqp:internal-error"
    assert "secret" not in str(error)
    assert [record.exc_info and record.exc_info[1] for record in caplog.records] == [fault]
    assert status_code(error) == 500


@pytest.mark.asyncio(loop_scope="module")
async def test_lost_lock_is_told_to_whoever_settles(sdk: Sdk) -> None:
    receiver = await sdk.receiver()
    await sdk.send(*messages("a"))
    [message] = await sdk.receive()

    await sdk.clock.advance(LOCK)

    for settle in (receiver.complete_message, receiver.abandon_message, receiver.defer_message):
        with pytest.raises(told.MessageLockLostError):
            await sdk.call(settle, message)
    with pytest.raises(told.MessageLockLostError):
        await sdk.call(receiver.dead_letter_message, message)
    with pytest.raises(told.MessageLockLostError):
        await sdk.call(receiver.renew_message_lock, message)


@pytest.mark.asyncio(loop_scope="module")
async def test_oversize_message_is_refused_and_the_sender_goes_on(sdk: Sdk) -> None:
    sender = await sdk.sender()

    with pytest.raises(told.MessageSizeExceededError):
        await sdk.call(sender.send_messages, ServiceBusMessage(b"x" * 300_000))
    await sdk.send(*messages("a"))

    assert texts(await sdk.receive()) == ["a"]


@pytest.mark.asyncio(loop_scope="module")
async def test_full_queue_says_so(sdk: Sdk) -> None:
    sender = await sdk.sender()
    large = ServiceBusMessage(b"x" * 250_000)
    await sdk.call(sender.send_messages, large)

    with pytest.raises(told.ServiceBusQuotaExceededError):
        await sdk.call(sender.send_messages, large)
    await sdk.served.core.take(QUEUE, max_messages=1, max_wait=NO_TIME)


@pytest.mark.asyncio(loop_scope="module")
async def test_message_without_session_is_refused_where_sessions_are_required(sdk: Sdk) -> None:
    with pytest.raises(told.ServiceBusError, match="amqp:not-allowed"):
        await sdk.send(*messages("a"), queue=SESSIONS)


@pytest.mark.parametrize("side", ["sender", "receiver"])
@pytest.mark.asyncio(loop_scope="module")
async def test_unknown_entity_is_not_found(sdk: Sdk, side: str) -> None:
    get = getattr(sdk.client, f"get_queue_{side}")

    with pytest.raises(told.MessagingEntityNotFoundError):
        await sdk.opened(get("nowhere", keep_alive=None))


@pytest.mark.asyncio(loop_scope="module")
async def test_receiver_needs_a_session_where_they_are_required_and_only_there(sdk: Sdk) -> None:
    get = sdk.client.get_queue_receiver

    faults = await asyncio.gather(
        sdk.opened(get(SESSIONS, keep_alive=None)),
        sdk.opened(get(QUEUE, session_id="s", keep_alive=None)),
        return_exceptions=True,
    )

    for fault in faults:
        with pytest.raises(told.ServiceBusError, match="amqp:not-allowed"):
            raise fault


@pytest.mark.asyncio(loop_scope="module")
async def test_key_of_nobody_is_refused(sdk: Sdk) -> None:
    wrong = sdk.served.connection_string.replace("key of one", "key of nobody")
    client = await sdk.opened(type(sdk.client).from_connection_string(wrong, retry_total=0))

    with pytest.raises(told.ServiceBusAuthenticationError):
        await sdk.opened(client.get_queue_sender(QUEUE, keep_alive=None))
