"""How an admitted request comes to its answer: by a query, by a change, by a change and steps that are waited for."""

from dataclasses import replace

from shared.scheduler.service.changes import GOES_ON
from shared.scheduler.service.endpoints import Endpoints
from shared.scheduler.service.exchange import Answer, Request, refused
from shared.scheduler.service.follow_up import FollowUp
from shared.scheduler.service.operations import ServiceOperations
from shared.sql.database import Database
from shared.wire.operation import OperationStatus


class Answering:
    """A read, or a change in one grouped transaction; what goes on after it is awaited where the endpoint waits."""

    def __init__(
        self,
        database: Database,
        endpoints: Endpoints,
        operations: ServiceOperations,
        *,
        follow_up: FollowUp,
    ) -> None:
        self._database = database
        self._endpoints = endpoints
        self._operations = operations
        self._follow_up = follow_up

    async def answer(self, request: Request) -> Answer:
        """Raises TocsinError."""
        if request.endpoint.is_read:
            query = self._endpoints.query(request)
            return await self._database.read(query, is_short=request.endpoint.reads_one)
        change = self._endpoints.change(request)
        answer = await self._database.run_grouped(self._endpoints.apply, change)
        if answer.error_code is None:
            # What goes on after its answer may concern every job of a collection.
            due_at = answer.next_occurrence if answer.target is None else request.now
            await self._follow_up.after_commit(next_occurrence=due_at)
        if request.endpoint.waits and answer.status == GOES_ON:
            answer = await self._finished(request)
        return replace(answer, repeatability="accepted") if request.is_repeatable else answer

    async def _finished(self, request: Request) -> Answer:
        """Return how the operation ended, or 202 when it is not over in time: it goes on, and its status tells."""
        operation = await self._operations.finish(request.id)
        if operation.status == OperationStatus.IN_PROGRESS:
            return Answer(status=GOES_ON)
        if operation.error_code is not None:
            return refused(
                operation.error_status or 500,
                operation.error_code,
                operation.error_message or "",
                path=request.path,
            )
        answer = await self._database.read(self._endpoints.outcome(request))
        if request.is_repeatable:
            await self._database.run(lambda tx: self._endpoints.remember(tx, request.id, answer))
        return answer
