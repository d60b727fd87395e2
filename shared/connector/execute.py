"""Carrying out one operation, step by step: each wake-up takes the lease, makes one call and records what follows."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.client.scheduler import RestResponse
from shared.clock import Clock
from shared.connector.calls import endpoint_of, request_of
from shared.connector.case import Case, Refused, Step, failed
from shared.connector.completion import Completion
from shared.connector.decide import after_unknown, decide
from shared.connector.deployment import Deployment
from shared.connector.drafts import sealing_context
from shared.connector.operations import (
    Assignment,
    Ended,
    Later,
    Operation,
    OperationError,
    OperationStatus,
    Phase,
)
from shared.connector.pause import Pause
from shared.connector.store import OperationStore, Started
from shared.errors import LeaseLostError
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import when_due
from shared.sealing import Sealer
from shared.wire.json_types import JsonObject

logger = logging.getLogger(__name__)

IN_A_ROW = timedelta(seconds=30)
"""As long as this one call carries out operations that waited for each other; the next is woken by a message."""
MOST_LEASES = 10
EXHAUSTED = OperationError(
    code="AttemptsExhausted",
    message=f"{MOST_LEASES} attempts in a row ended without a record of how",
)
TOO_LATE = OperationError(
    code="DeadlineExceeded", message="the deadline had passed before the command could be sent"
)


class Executor:
    """The handler of queue `operations`."""

    def __init__(
        self,
        store: OperationStore,
        deployment: Deployment,
        *,
        completion: Completion,
        sealer: Sealer,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._store = store
        self._deployment = deployment
        self._completion = completion
        self._sealer = sealer
        self._clock = clock
        self._random = random
        self.pause = Pause()

    async def execute(self, wake_up: WakeUp) -> None:
        """Do the next step of the operation that `wake_up` names, if it is due and nobody else does it.

        If that is its end, and others waited for it, go on with the first of them: a message would come later.
        """
        started = await when_due(
            lambda: self._store.start(wake_up, now=self._clock.now()), self._clock
        )
        stop_at = self._clock.now() + IN_A_ROW
        while started is not None:
            started = await self._carry_out(started, stop_at=stop_at)

    async def cancel(self, operation_id: str) -> Operation:
        """End an operation that was never started; one that is canceled already is returned as it is.

        Raises:
            NotFoundError: there is no such operation (any more).
            ConflictError: it was started, or has ended.
        """
        operation = await self._store.cancel(operation_id, now=self._clock.now())
        await self._completion.tell(operation_id, wants_reply=True, is_published=False)
        return operation

    async def _carry_out(self, started: Started, *, stop_at: datetime) -> Started | None:
        """Do the next step of a started operation; returns what its end has started, None from `stop_at` on."""
        assignment = started.assignment
        step = await self._next_step(assignment)
        now = self._clock.now()
        try:
            # A reply may take long, and what is started has a lease that runs.
            goes_on = now < stop_at and not assignment.wants_reply
            recorded = await self._store.record(started.lease, step, now=now, goes_on=goes_on)
        except LeaseLostError:
            logger.warning("lease lost", extra=described("drop_attempt", assignment))
            return None
        if isinstance(step, Ended):
            log_end(assignment, step)
            await self._completion.tell(
                started.lease.id,
                wants_reply=assignment.wants_reply,
                is_published=recorded.is_published,
            )
        return recorded.following

    async def _next_step(self, assignment: Assignment) -> Later | Ended:
        now = self._clock.now()
        known = known_before_sending(assignment, now)
        if isinstance(known, Assignment):
            known = after_unknown(
                known,
                endpoint_of(known),
                recognises_repeats=self._deployment.recognises_repeats,
            )
        if isinstance(known, Ended):
            return known
        assignment = known
        waits_until = self.pause.admit(now=now)
        if waits_until is not None:
            return postponed(assignment, until=waits_until, now=now)
        step = await self._attempt(assignment)
        if not isinstance(step, Refused):
            return step
        now = self._clock.now()
        until = self.pause.begin(step.reason, now=now)
        logger.warning(
            "the Scheduler refuses us: %s", step.reason, extra=described("pause", assignment)
        )
        return postponed(replace(assignment, progress=step.progress), until=until, now=now)

    async def _attempt(self, assignment: Assignment) -> Step:
        endpoint = endpoint_of(assignment)
        body = self._body(assignment)
        request = request_of(assignment, endpoint, body, subscription=self._deployment.subscription)
        reply = await self._deployment.ask(request)
        case = Case(
            endpoint=endpoint,
            sent=body,
            assignment=assignment,
            now=self._clock.now(),
            chance=self._random(),
            recognises_repeats=self._deployment.recognises_repeats,
        )
        step = decide(case, reply)
        if isinstance(reply, RestResponse) and not isinstance(step, Refused):
            self.pause.end()
        return step

    def _body(self, assignment: Assignment) -> JsonObject | None:
        if assignment.sealed_body is None:
            return None
        context = sealing_context(assignment.operation.id)
        body: JsonObject = json.loads(self._sealer.unseal(assignment.sealed_body, context=context))
        return body


def log_end(assignment: Assignment, end: Ended) -> None:
    # Who succeeded is in the list of operations and in an event; a line for each would be the log's bulk.
    level = logging.DEBUG if end.status is OperationStatus.SUCCEEDED else logging.INFO
    logger.log(
        level, "operation %s", end.status.value, extra=described("end_operation", assignment)
    )


def known_before_sending(assignment: Assignment, now: datetime) -> Assignment | Ended:
    """Return the end of what cannot be tried (again), else the assignment with what its leases say.

    A lease that ended without a record may have made the call: from then on the outcome is unknown.
    """
    if assignment.leases > MOST_LEASES:
        return failed(EXHAUSTED)
    if assignment.leases > 1:
        progress = replace(assignment.progress, is_outcome_unknown=True)
        return replace(assignment, progress=progress)
    progress = assignment.progress
    is_untried = progress.phase is Phase.SEND and not progress.failures
    if is_untried and not progress.is_outcome_unknown and now > assignment.deadline_at:
        return failed(TOO_LATE)
    return assignment


def postponed(assignment: Assignment, *, until: datetime, now: datetime) -> Later:
    """Go on at `until` without having tried; the deadline moves by as much."""
    return Later(
        progress=assignment.progress,
        due_at=until,
        deadline_at=assignment.deadline_at + (until - now),
    )


def described(action: str, assignment: Assignment) -> dict[str, str]:
    operation = assignment.operation
    return {"action": action, "operation_id": operation.id, "command": operation.command}
