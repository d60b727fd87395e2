"""Why a message was not sent to Service Bus, in our words; pure."""

from enum import StrEnum, auto

from shared.errors import TocsinError


class NotSent(StrEnum):
    """Why not; whether a message arrived is known to nobody after the last three."""

    NO_KEY = auto()
    NOT_SENDABLE = auto()
    UNAUTHORIZED = auto()
    ENTITY_NOT_FOUND = auto()
    ENTITY_DISABLED = auto()
    MESSAGE_SIZE_EXCEEDED = auto()
    QUOTA_EXCEEDED = auto()
    SERVER_BUSY = auto()
    REFUSED = auto()
    TIMEOUT = auto()
    UNREACHABLE = auto()


class NotSentError(TocsinError):
    """`detail` may be told to the job's owner."""

    def __init__(self, kind: NotSent, detail: str = "") -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.detail = detail
