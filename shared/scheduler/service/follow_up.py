"""What follows a committed change: none of it may fail whoever made the change."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from shared.scheduler.outgoing import Outgoing

logger = logging.getLogger(__name__)


class FollowUp:
    """Tells the engine of an occurrence that it may not have seen, by `on_planned`, and sends what is to be told."""

    def __init__(
        self, outgoing: Outgoing, *, on_planned: Callable[[datetime], Awaitable[object]]
    ) -> None:
        self._outgoing = outgoing
        self._on_planned = on_planned

    async def after_commit(self, *, next_occurrence: datetime | None) -> None:
        """`next_occurrence` is the first that the change may have planned; None where it has planned none.

        Never raises: the change stands, and the engine's next tick and sweep do again what failed.
        """
        if next_occurrence is not None:
            await attempt(lambda: self._on_planned(next_occurrence), action="wake")
        await attempt(self._outgoing.send, action="tell")


async def attempt(step: Callable[[], Awaitable[object]], *, action: str) -> None:
    try:
        await step()
    except Exception:  # not even for a bug: the caller would repeat what has happened
        logger.warning("a step after a change failed", extra={"action": action}, exc_info=True)
