"""Executions: the handler of the queue `executions`.

An attempt is two transactions with a call between them. The first takes the lease and writes down the start; the last
is conditional on that lease and writes record, counters, events and the next step. A crash between them leaves a lease
that runs out, and the attempt is made again, under the same `Idempotency-Key`. An attempt that the target has accepted
goes on in the same way: each poll is two transactions with a call between them, and the last one writes the record.
"""

import logging

from pydantic_core import from_json

from shared.clock import Clock
from shared.errors import LeaseLostError
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Nothing, NotYet, when_due
from shared.scheduler.action import Action, Attempt, Outcome
from shared.scheduler.limits import Reservation
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.polling import in_time
from shared.scheduler.recording import Recorder, Report
from shared.scheduler.starting import MAX_LOST, Assignment, Start, Started, Starter
from shared.sql.database import Database

logger = logging.getLogger(__name__)

LOST = Outcome(
    is_success=False,
    message=f"AttemptLost: the attempt was begun {MAX_LOST + 1} times and never left a record.",
    reason="lost",
)


class Executions:
    """Runs what was claimed."""

    def __init__(
        self,
        database: Database,
        action: Action,
        *,
        starter: Starter,
        recorder: Recorder,
        outgoing: Outgoing,
        clock: Clock,
    ) -> None:
        self._database = database
        self._action = action
        self._starter = starter
        self._recorder = recorder
        self._outgoing = outgoing
        self._clock = clock

    async def run(self, wake_up: WakeUp) -> None:
        """Make the attempt that the execution named by `wake_up` is due for, if it is."""
        reservation = self._starter.reservation()
        try:
            started = await when_due(lambda: self._start(wake_up, reservation), self._clock)
            if isinstance(started, Assignment):
                await self._carry_out(started)
        except LeaseLostError as error:
            logger.warning("%s", error, extra={"action": "run", "execution_id": wake_up.id})
            return
        finally:
            reservation.release(now=self._clock.now())
        if started is not None:
            await self._outgoing.send()

    async def _start(self, wake_up: WakeUp, reservation: Reservation) -> Started | NotYet | Nothing:
        start = Start(wake_up=wake_up, reservation=reservation, now=self._clock.now())
        return await self._database.run_grouped(self._starter.start, start)

    async def _carry_out(self, assignment: Assignment) -> None:
        is_lost = assignment.is_lost
        outcome = LOST if is_lost else await self._action.execute(attempt_of(assignment))
        ended_at = self._clock.now()
        outcome = in_time(outcome, assignment.row.polling, now=ended_at)
        report = Report(assignment=assignment, outcome=outcome, ended_at=ended_at)
        await self._database.run_grouped(self._recorder.record, report)
        if not outcome.is_success and outcome.poll is None:
            log_failure(assignment, outcome)


def log_failure(assignment: Assignment, outcome: Outcome) -> None:
    """Say that an attempt failed; its record says more of why, and may hold what the target answered."""
    row = assignment.row
    logger.warning(
        "attempt given up" if assignment.is_lost else "attempt failed",
        extra={
            "action": "run",
            "execution_id": row.id,
            "job": row.path.subject,
            "action_name": row.action_name.value,
            "retry_count": row.retry_count,
            "reason": outcome.reason,
        },
    )


def attempt_of(assignment: Assignment) -> Attempt:
    row = assignment.row
    return Attempt(
        execution_id=row.id,
        number=row.recorded + 1,
        subscription=row.path.subscription,
        cloud_service=row.path.cloud_service,
        job_collection=row.path.job_collection,
        job=row.path.job,
        region=from_json(assignment.job.service_definition)["geoRegion"],
        expected_time=row.occurrence,
        action=assignment.action,
        poll_uri=row.polling.uri if row.polling else None,
    )
