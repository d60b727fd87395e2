"""The action of each type."""

from shared.scheduler.action import Action, Attempt, Outcome


class ActionByType:
    """Passes each attempt to what carries out its type."""

    def __init__(self, *, http: Action, storage_queue: Action, service_bus: Action) -> None:
        self._http = http
        self._storage_queue = storage_queue
        self._service_bus = service_bus

    async def execute(self, attempt: Attempt) -> Outcome:
        # Only HTTP polls, also when the job has meanwhile got another action.
        if attempt.poll_uri is not None or "request" in attempt.action:
            return await self._http.execute(attempt)
        if "queueMessage" in attempt.action:
            return await self._storage_queue.execute(attempt)
        return await self._service_bus.execute(attempt)

    async def close(self) -> None:
        await self._http.close()
        await self._storage_queue.close()
        await self._service_bus.close()
