"""What follows a committed change: none of it may fail whoever made the change."""

import logging
from collections.abc import Awaitable, Callable

from shared.scheduler.outgoing import Outgoing

logger = logging.getLogger(__name__)


class FollowUp:
    """Lets the engine see what may be due now, by `on_change`, and sends what is to be told."""

    def __init__(self, outgoing: Outgoing, *, on_change: Callable[[], Awaitable[object]]) -> None:
        self._outgoing = outgoing
        self._on_change = on_change

    async def after_commit(self) -> None:
        """Never raises: the change stands, and the engine's next tick and sweep do again what failed."""
        await attempt(self._on_change, action="wake")
        await attempt(self._outgoing.send, action="tell")


async def attempt(step: Callable[[], Awaitable[object]], *, action: str) -> None:
    try:
        await step()
    except Exception:  # not even for a bug: the caller would repeat what has happened
        logger.warning("a step after a change failed", extra={"action": action}, exc_info=True)
