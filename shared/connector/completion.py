"""What follows the commit of an end: its event is published, its reply sent, and whoever waits for it is woken."""

from shared.connector.replies import Replies
from shared.connector.watch import Watch
from shared.events.log import EventLog


class Completion:
    """Tells of ends that are committed; what a crash leaves out, sweep does."""

    def __init__(self, watch: Watch, event_log: EventLog, replies: Replies) -> None:
        self._watch = watch
        self._event_log = event_log
        self._replies = replies

    async def tell(self, operation_id: str, *, wants_reply: bool, is_published: bool) -> None:
        """Tell of the end of an operation, whose event may be published already."""
        self._watch.tell_end(operation_id)
        if not is_published:
            await self._event_log.publish()
        if wants_reply:
            await self._replies.send(operation_id)

    async def sweep(self) -> None:
        """Tell of what was not told after its commit."""
        await self._replies.sweep()
        await self._event_log.publish()

    async def prune(self) -> None:
        """Give up replies that cannot be sent."""
        await self._replies.prune()
