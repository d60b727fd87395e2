"""What AWS answers when it does not do what was asked, read for the two things that a caller decides by."""

import re

from shared.errors import TransientError

CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
# No service has a code of its own for it: SQS says InvalidParameterValue, SNS InvalidParameter, EventBridge
# ValidationException, and of a batch BatchRequestTooLong.
TOO_LARGE = re.compile(
    r"too ?l(?:ong|arge)|must be shorter than|over the limit|exceed\w* the (?:size )?limit",
    re.IGNORECASE,
)


class AwsCallError(TransientError):
    """A call was refused as a whole, or got no answer; `code` is AWS's, or the name of what went wrong on the way.

    The message says no more than that: what AWS writes may quote what it was sent.
    """

    default_code = "AwsUnavailable"

    def __init__(self, place: str, code: str, *, is_too_large: bool = False) -> None:
        super().__init__(f"{place}: {code}", code=code)
        self.is_too_large = is_too_large


def shown_code(code: object) -> str:
    """Return an error code without the namespace that some services put in front."""
    text = str(code).rpartition("#")[2].removeprefix("AWS.SimpleQueueService.")
    return text if CODE.fullmatch(text) else "Unknown"


def is_too_large(code: object, message: object) -> bool:
    """Whether the words of a refusal mean the size of what was sent, which no retry makes smaller."""
    return bool(TOO_LARGE.search(f"{code} {message}"))
