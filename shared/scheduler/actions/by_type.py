"""The action of each type."""

from shared.scheduler.action import Action, Attempt, Outcome


class ActionByType:
    """Passes each attempt to what carries out its type."""

    def __init__(self, *, http: Action, queues: Action) -> None:
        self._http = http
        self._queues = queues

    async def execute(self, attempt: Attempt) -> Outcome:
        # Only HTTP polls, also when the job has meanwhile got another action.
        is_http = attempt.poll_uri is not None or "request" in attempt.action
        action = self._http if is_http else self._queues
        return await action.execute(attempt)

    async def close(self) -> None:
        await self._http.close()
        await self._queues.close()
