"""From the SDK's exceptions to ours, at the one edge where they occur.

The SDK loses the condition of a plain ServiceBusError everywhere but in its message, so that is where it is read.
Whatever else leaves the SDK while connections break, an AttributeError of its own included, can only be tried again.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import exceptions as sdk

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

BUSY_FOR = timedelta(seconds=10)
"""What Microsoft's documentation of ServerBusy asks for."""
UNAVAILABLE = "ServiceBusUnavailable"
CONDITION = re.compile(r"Error condition: ([\w:.-]*\w)")
PERMANENT = {
    "amqp:not-allowed": "InvalidOperation",
    "amqp:not-implemented": "InvalidOperation",
    "amqp:precondition-failed": "InvalidOperation",
    "amqp:invalid-field": "InvalidOperation",
    "com.microsoft:argument-error": "InvalidArgument",
    "com.microsoft:argument-out-of-range": "InvalidArgument",
}
SAME: tuple[tuple[type[Exception], Callable[[str], TocsinError]], ...] = (
    (sdk.MessageLockLostError, MessageLockLostError),
    (sdk.MessageAlreadySettled, MessageLockLostError),
    (sdk.SessionLockLostError, SessionLockLostError),
    (sdk.SessionCannotBeLockedError, SessionCannotBeLockedError),
    (sdk.MessageSizeExceededError, MessageSizeExceededError),
    (sdk.ServiceBusQuotaExceededError, QuotaExceededError),
    (sdk.MessageNotFoundError, lambda text: NotFoundError(text, code="MessageNotFound")),
    (
        sdk.MessagingEntityDisabledError,
        lambda text: ConfigurationError(text, code="MessagingEntityDisabled"),
    ),
    (
        sdk.ServiceBusServerBusyError,
        lambda text: TransientError(text, retry_after=BUSY_FOR),
    ),
)
REFUSED = (
    sdk.ServiceBusAuthenticationError,
    sdk.ServiceBusAuthorizationError,
    ClientAuthenticationError,
)


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Raise what the SDK raises as an exception of ours, chained; `subject` is a noun phrase with the entity in it."""
    try:
        yield
    except TocsinError:
        raise
    except Exception as error:
        raise translation(error, subject) from error


def translation(error: Exception, subject: str) -> TocsinError:
    """Return the exception of ours that stands for one of the SDK."""
    if isinstance(error, sdk.MessagingEntityNotFoundError):
        return EntityNotFoundError(f"there is no {subject}")
    text = f"{subject}: {error}"
    if isinstance(error, REFUSED):
        # The SDK's own words may be no more than `amqp:client-error`.
        said = f"the namespace took no token of ours; check the key or the identity ({text})"
        return ConfigurationError(said, code="ServiceBusUnauthorized")
    for kind, same in SAME:
        if isinstance(error, kind):
            return same(text)
    found = CONDITION.search(str(error))
    code = PERMANENT.get(found[1]) if found else None
    if code is not None:
        return PermanentError(text, code=code)
    return TransientError(text, code=UNAVAILABLE)


def is_broken(error: Exception) -> bool:
    """Whether it tells of the connection, and not of what was asked."""
    return translation(error, "").code == UNAVAILABLE
