"""What a peer did against AMQP 1.0, by what it ends; each has the error condition that the peer is told."""

from shared.errors import RequestError
from shared.messaging.amqp.codec.performatives import Error

FRAMING_ERROR = "amqp:connection:framing-error"
FORCED = "amqp:connection:forced"
ILLEGAL_STATE = "amqp:illegal-state"
INTERNAL_ERROR = "amqp:internal-error"
INVALID_FIELD = "amqp:invalid-field"
NOT_IMPLEMENTED = "amqp:not-implemented"
RESOURCE_LIMIT_EXCEEDED = "amqp:resource-limit-exceeded"
HANDLE_IN_USE = "amqp:session:handle-in-use"
UNATTACHED_HANDLE = "amqp:session:unattached-handle"
WINDOW_VIOLATION = "amqp:session:window-violation"
MESSAGE_SIZE_EXCEEDED = "amqp:link:message-size-exceeded"
TRANSFER_LIMIT_EXCEEDED = "amqp:link:transfer-limit-exceeded"


class PeerFaultError(RequestError):
    """Never raised itself: its classes say what ends."""

    def __init__(self, condition: str, message: str) -> None:
        super().__init__(message)
        self.condition = condition

    @property
    def error(self) -> Error:
        return Error(self.condition, self.message)


class ConnectionFaultError(PeerFaultError):
    """Ends the connection."""


class SessionFaultError(PeerFaultError):
    """Ends the session."""


class LinkFaultError(PeerFaultError):
    """Ends the link."""
