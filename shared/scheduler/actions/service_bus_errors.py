"""What the SDK of Service Bus raises, translated: nothing of it leaves this package."""

import re

from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusCommunicationError,
    ServiceBusConnectionError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)

from shared.scheduler.actions.not_sent import NotSent, NotSentError

# The first that fits.
KINDS = (
    (ServiceBusAuthenticationError | ServiceBusAuthorizationError, NotSent.UNAUTHORIZED),
    (MessagingEntityNotFoundError, NotSent.ENTITY_NOT_FOUND),
    (MessagingEntityDisabledError, NotSent.ENTITY_DISABLED),
    (MessageSizeExceededError, NotSent.MESSAGE_SIZE_EXCEEDED),
    (ServiceBusQuotaExceededError, NotSent.QUOTA_EXCEEDED),
    (ServiceBusServerBusyError, NotSent.SERVER_BUSY),
    (OperationTimeoutError | TimeoutError, NotSent.TIMEOUT),
    (ServiceBusConnectionError | ServiceBusCommunicationError, NotSent.UNREACHABLE),
)
# The SDK ends its texts so.
CONDITION = re.compile(r" Error condition: ([^ ]*)\.$")
# Only these are told of what the broker writes: the rest could hold what we sent in secret (P8).
CONDITIONS = frozenset(
    {
        "amqp:decode-error",
        "amqp:internal-error",
        "amqp:invalid-field",
        "amqp:not-allowed",
        "amqp:not-implemented",
        "amqp:precondition-failed",
        "com.microsoft:argument-error",
        "com.microsoft:argument-out-of-range",
    }
)


def not_sent(error: Exception) -> NotSentError:
    """Return what to raise in place of `error`."""
    for classes, kind in KINDS:
        if isinstance(error, classes):
            return NotSentError(kind)
    condition = CONDITION.search(str(error))
    if condition is None:
        # The broker sent what the SDK does not understand.
        return NotSentError(NotSent.UNREACHABLE)
    return NotSentError(NotSent.REFUSED, condition[1] if condition[1] in CONDITIONS else "")
