"""Errors as AMQP tells them: the condition decides which exception a Service Bus SDK raises.

The conditions are AMQP's own (1.0 part 2, 2.8.15 and following) and Service Bus's (`com.microsoft:…`). A management
node answers with a status code beside it (Microsoft's "AMQP 1.0 in Service Bus: request-response-based operations").
"""

import logging

from shared.errors import (
    AuthenticationError,
    ConflictError,
    EntityNotFoundError,
    MalformedFrameError,
    MessageLockLostError,
    MessageSizeExceededError,
    NotFoundError,
    PermanentError,
    QuotaExceededError,
    RequestError,
    SessionCannotBeLockedError,
    SessionLockLostError,
    TocsinError,
    TransientError,
)
from shared.messaging.amqp.codec.performatives import Error

_log = logging.getLogger(__name__)

MESSAGE_NOT_FOUND = "MessageNotFound"
NOT_IMPLEMENTED = "NotImplemented"
TIMEOUT = "OperationTimeout"

INTERNAL_ERROR = "amqp:internal-error"
NOT_FOUND = "amqp:not-found"

# Two errors of one class that Service Bus tells apart.
_BY_CODE = {
    MESSAGE_NOT_FOUND: "com.microsoft:message-not-found",
    NOT_IMPLEMENTED: "amqp:not-implemented",
    TIMEOUT: "com.microsoft:timeout",
}

# From the special to the general: the first that fits is taken.
_BY_CLASS: tuple[tuple[type[TocsinError], str], ...] = (
    (EntityNotFoundError, NOT_FOUND),
    (NotFoundError, NOT_FOUND),
    (AuthenticationError, "amqp:unauthorized-access"),
    (ConflictError, "com.microsoft:entity-already-exists"),
    (RequestError, "com.microsoft:argument-error"),
    (MessageLockLostError, "com.microsoft:message-lock-lost"),
    (SessionLockLostError, "com.microsoft:session-lock-lost"),
    (SessionCannotBeLockedError, "com.microsoft:session-cannot-be-locked"),
    (QuotaExceededError, "amqp:resource-limit-exceeded"),
    (TransientError, "com.microsoft:server-busy"),
    (MessageSizeExceededError, "amqp:link:message-size-exceeded"),
    (PermanentError, "amqp:not-allowed"),
)

_STATUS_CODES = {
    "amqp:decode-error": 400,
    "amqp:link:message-size-exceeded": 413,
    "amqp:not-allowed": 400,
    "amqp:not-found": 404,
    "amqp:not-implemented": 501,
    "amqp:resource-limit-exceeded": 403,
    "amqp:unauthorized-access": 401,
    "com.microsoft:argument-error": 400,
    "com.microsoft:entity-already-exists": 409,
    "com.microsoft:message-lock-lost": 410,
    "com.microsoft:message-not-found": 404,
    "com.microsoft:server-busy": 503,
    "com.microsoft:session-cannot-be-locked": 410,
    "com.microsoft:session-lock-lost": 410,
    "com.microsoft:timeout": 408,
}


def describe_error(fault: BaseException) -> Error:
    """Return the error to tell a peer; what is not one of ours is logged here, and its text is told to nobody."""
    condition = _condition(fault)
    if condition is None or not isinstance(fault, TocsinError):
        _log.error("a node failed", exc_info=fault, extra={"action": "amqp_node_failed"})
        return Error(INTERNAL_ERROR, "The service could not process the request; its log says why.")
    if condition == NOT_FOUND:
        # By these words the JavaScript SDK knows that it is no server which was not found.
        return Error(
            condition, f"The messaging entity asked for could not be found: {fault.message}"
        )
    return Error(condition, fault.message)


def status_code(error: Error) -> int:
    """Return the status that a management node answers this error with."""
    return _STATUS_CODES.get(error.condition, 500)


def _condition(fault: BaseException) -> str | None:
    if isinstance(fault, MalformedFrameError):
        return fault.condition
    if isinstance(fault, TocsinError) and fault.code in _BY_CODE:
        return _BY_CODE[fault.code]
    return next((condition for kind, condition in _BY_CLASS if isinstance(fault, kind)), None)
