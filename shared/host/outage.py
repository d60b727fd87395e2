"""What the log and the pauses make of a broker that cannot be reached.

A line when an entity cannot be received from, one when the reason changes and one when it can again; in between the
tries grow rarer. Only what is no error of ours has a traceback: it is a bug.
"""

import logging
from datetime import timedelta

from shared.errors import TocsinError

logger = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)


class Outage:
    """Whether one entity can be received from at present."""

    def __init__(self, entity: str) -> None:
        self._entity = entity
        self._reason: tuple[type[Exception], str] | None = None
        self._pause = FIRST_PAUSE

    @property
    def lasts(self) -> bool:
        """Whether the last try failed."""
        return self._reason is not None

    def failed(self, error: Exception) -> timedelta:
        """Take note of a try that failed; returns how long to wait before the next."""
        code = error.code if isinstance(error, TocsinError) else ""
        reason = (type(error), code)
        extra = {"action": "receive", "entity": self._entity}
        if not isinstance(error, TocsinError):
            logger.error("cannot receive from %s", self._entity, exc_info=error, extra=extra)
        elif reason != self._reason:
            logger.warning("cannot receive from %s: %s", self._entity, error, extra=extra)
        self._reason = reason
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return pause

    def ended(self) -> None:
        """Take note of a try that did not fail."""
        if self._reason is not None:
            logger.warning(
                "can receive from %s again",
                self._entity,
                extra={"action": "receive", "entity": self._entity},
            )
        self._reason = None
        self._pause = FIRST_PAUSE
