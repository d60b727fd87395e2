"""Every exception of Tocsin. The class is the decision: what to do follows from it alone.

TocsinError                          code: ARM or RDFE error code; the message names what was asked and what was found
├─ RequestError                      the caller can fix it
│  ├─ InvalidRequestError      400   carries every fault with its JSON path
│  │  └─ NotSupportedError     501   commands that the Scheduler behind the connector does not know
│  ├─ InvalidFilterError       400   says where in the expression
│  ├─ AuthenticationError      403
│  │  └─ TokenError            401   about a bearer token; tells the caller how to get one
│  ├─ NotFoundError            404
│  ├─ MethodNotAllowedError    405
│  ├─ ConflictError            409
│  ├─ PreconditionFailedError  412
│  ├─ PayloadTooLargeError     413
│  ├─ UriTooLongError          414
│  ├─ HeadersTooLargeError     431
│  └─ MalformedFrameError            bytes that are not AMQP; `condition` is the AMQP error to end with
├─ TransientError              503   the world can fix it; retry_after says when to look again
│  ├─ MessageLockLostError           somebody else may hold the message now
│  ├─ SessionLockLostError           somebody else may hold the session now
│  ├─ SessionCannotBeLockedError     somebody else holds it, or there is none to take
│  ├─ QuotaExceededError             a queue or topic is full
│  ├─ TooManyRequestsError     429   an instance of ours takes no more at present
│  └─ NoAnswerError                  an outbound request got no answer; `kind` says why
├─ PermanentError              502   nobody's retry can fix it
│  └─ MessageSizeExceededError       larger than the broker takes
├─ InvocationError                   a function raised, or answered what its bindings do not take
├─ LeaseLostError                    somebody else does this work now; drop what was done
└─ ConfigurationError                the operator can fix it; raised when wiring, never while handling
   └─ EntityNotFoundError            no such queue, topic or subscription
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, auto
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where (a JSON path such as `$.action.type`, a header or a parameter) and what.

    A message that `is_sentence` is one that clients of the retired service know word for word: told without the path.
    """

    path: str
    message: str
    is_sentence: bool = False


class TocsinError(Exception):
    """Root of the tree; `code` is the error code shown on the surface, `headers` go with the answer that shows it."""

    default_code: ClassVar[str] = "InternalError"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.headers: dict[str, str] = {}


class RequestError(TocsinError):
    """The caller can fix it."""

    default_code = "BadRequest"
    status = 400


class InvalidRequestError(RequestError):
    """The request is malformed; `faults` holds everything wrong with it, not only the first."""

    def __init__(self, faults: Sequence[Fault], *, code: str | None = None) -> None:
        sentences = [fault.message for fault in faults if fault.is_sentence]
        others = [f"{fault.path}: {fault.message}" for fault in faults if not fault.is_sentence]
        super().__init__(" ".join([*sentences, "; ".join(others)]).strip(), code=code)
        self.faults = tuple(faults)


class NotSupportedError(InvalidRequestError):
    """The Scheduler behind the connector does not offer what was asked for; `faults` name each such command."""

    default_code = "OperationNotSupported"
    status = 501


class InvalidFilterError(RequestError):
    """A rule's filter or action is malformed; the message says where, what was found there and what was expected."""

    default_code = "InvalidFilter"


class AuthenticationError(RequestError):
    """The caller is unknown or may not do this."""

    default_code = "AuthenticationFailed"
    status = 403


class TokenError(AuthenticationError):
    """There is no bearer token, or it is not good; `challenge` is what `WWW-Authenticate` says of it (RFC 6750, 3)."""

    default_code = "InvalidAuthenticationToken"
    status = 401

    def __init__(self, message: str, *, code: str | None = None, challenge: str) -> None:
        super().__init__(message, code=code)
        self.headers["www-authenticate"] = challenge


class NotFoundError(RequestError):
    """What was named does not exist."""

    default_code = "ResourceNotFound"
    status = 404


class MethodNotAllowedError(RequestError):
    """The path exists, the method does not; `allowed` names those that do."""

    default_code = "InvalidHttpVerb"
    status = 405

    def __init__(self, message: str, *, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


class ConflictError(RequestError):
    """What is there does not allow it."""

    default_code = "ConflictError"
    status = 409


class PreconditionFailedError(RequestError):
    """What is there is not what the caller last saw, or the request comes too late to be recognised."""

    default_code = "PreconditionFailed"
    status = 412


class PayloadTooLargeError(RequestError):
    """The request is larger than its limit."""

    default_code = "RequestTooLarge"
    status = 413


class UriTooLongError(RequestError):
    """The request's path and query are longer than their limit."""

    default_code = "UriTooLong"
    status = 414


class HeadersTooLargeError(RequestError):
    """The request's header section is larger than its limit (RFC 6585, 5)."""

    default_code = "RequestHeadersTooLarge"
    status = 431


class MalformedFrameError(RequestError):
    """What arrived is not AMQP 1.0; `condition` is the error condition to tell the peer (part 2, 2.8.15 and 2.8.16)."""

    default_code = "MalformedFrame"

    def __init__(self, message: str, *, condition: str = "amqp:decode-error") -> None:
        super().__init__(message)
        self.condition = condition


class TransientError(TocsinError):
    """The world can fix it: try again, not before `retry_after` where it is given."""

    default_code = "ServerBusy"
    status = 503

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class MessageLockLostError(TransientError):
    """The lock of a message has expired or was never ours."""

    default_code = "MessageLockLost"


class SessionLockLostError(TransientError):
    """The lock of a session has expired or was never ours."""

    default_code = "SessionLockLost"


class SessionCannotBeLockedError(TransientError):
    """Somebody else holds the session; or none that is free has messages."""

    default_code = "SessionCannotBeLocked"


class QuotaExceededError(TransientError):
    """A queue or topic has no room for more; receiving makes some."""

    default_code = "QuotaExceeded"


class TooManyRequestsError(TransientError):
    """This instance takes no more requests at present (RFC 6585, 4)."""

    default_code = "TooManyRequests"
    status = 429


class NoAnswer(StrEnum):
    """Why an outbound request got no answer."""

    NAME_NOT_RESOLVED = auto()
    NOT_ALLOWED = auto()
    UNREACHABLE = auto()
    NOT_TRUSTED = auto()
    NO_SECURE_CHANNEL = auto()
    CLOSED = auto()
    NOT_HTTP = auto()
    TIMEOUT = auto()
    NOT_SENDABLE = auto()


class NoAnswerError(TransientError):
    """An outbound request got no answer; whether it arrived is known to nobody, unless `kind` says that it cannot."""

    default_code = "NoAnswer"

    def __init__(self, message: str, *, kind: NoAnswer) -> None:
        super().__init__(message)
        self.kind = kind


class PermanentError(TocsinError):
    """Nobody's retry can fix it."""

    default_code = "Rejected"
    status = 502


class MessageSizeExceededError(PermanentError):
    """A message, or a batch, is larger than the broker takes."""

    default_code = "MessageSizeExceeded"


class InvocationError(TocsinError):
    """A function raised, or answered what its bindings do not take; the local host has logged it."""

    default_code = "InvocationFailed"


class LeaseLostError(TocsinError):
    """The row was started again by somebody else; whoever holds the older lease must write nothing."""

    default_code = "LeaseLost"


class ConfigurationError(TocsinError):
    """The operator can fix it."""

    default_code = "ConfigurationError"


class EntityNotFoundError(ConfigurationError):
    """The namespace has no entity of this name."""

    default_code = "MessagingEntityNotFound"
