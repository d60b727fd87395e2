"""Each error has the condition that makes the SDKs raise what they raise against Azure."""

import logging
import re

import pytest

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
from shared.messaging.amqp.conditions import describe_error, status_code

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
    (MessageSizeExceededError("no"), "amqp:link:message-size-exceeded", 403),
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
