"""How an execution goes on whose target has accepted an attempt, and for how long; pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.scheduler.action import Outcome, Poll
from shared.scheduler.execution_store import Following, Polling, StoredExecution
from shared.scheduler.lifecycle import EXECUTION_TRANSITIONS, ExecutionState, ExecutionTrigger

LONGEST = timedelta(hours=24)
WAITING = EXECUTION_TRANSITIONS[ExecutionState.RUNNING, ExecutionTrigger.GO_ON]


def in_time(outcome: Outcome, polling: Polling | None, *, now: datetime) -> Outcome:
    """Return `outcome`, a failure where the target has not finished within a day; the last poll is not before that."""
    if outcome.poll is None:
        return outcome
    ends_at = (polling.since if polling else now) + LONGEST
    if now >= ends_at:
        message = f"NotFinished: 24 hours after the target accepted it. {outcome.message}"
        return Outcome(is_success=False, message=message, reason="not_finished")
    return replace(
        outcome, poll=replace(outcome.poll, after=min(outcome.poll.after, ends_at - now))
    )


def polled(row: StoredExecution, poll: Poll, *, now: datetime) -> Following:
    """Return how the execution goes on when its target has accepted the attempt, or not finished it yet."""
    return Following(
        state=WAITING,
        action_name=row.action_name,
        retry_count=row.retry_count,
        recorded=row.recorded,
        due_at=now + poll.after,
        polling=Polling(uri=poll.uri, since=row.polling.since if row.polling else now),
    )
