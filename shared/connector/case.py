"""A case to decide on, and what may come of it; pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from shared.connector.answers import READS
from shared.connector.backoff import back_off
from shared.connector.operations import (
    Assignment,
    Ended,
    Later,
    OperationError,
    OperationStatus,
    Phase,
    Progress,
)
from shared.wire.endpoint import AfterUnknown, Endpoint
from shared.wire.json_types import Json

OUTCOME_UNKNOWN = "OutcomeUnknown"
TRY_AGAIN = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint refuses our certificate; the operation waits for better times."""

    reason: str
    progress: Progress


Step: TypeAlias = Later | Ended | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a decision is made on; `chance` is a number from 0 to 1.

    A server that recognises repeats answers them as it did the first time, without a second effect.
    """

    endpoint: Endpoint
    sent: Json
    assignment: Assignment
    now: datetime
    chance: float
    recognises_repeats: bool

    @property
    def progress(self) -> Progress:
        return self.assignment.progress

    @property
    def is_over(self) -> bool:
        return self.now >= self.assignment.deadline_at

    def later(self, progress: Progress, wait: timedelta) -> Later:
        """Go on after `wait`; the last try is at the deadline."""
        deadline = self.assignment.deadline_at
        due_at = self.now + wait if self.is_over else min(self.now + wait, deadline)
        return Later(progress=progress, due_at=due_at, deadline_at=deadline)

    def send_again(self) -> Later:
        """Make a change that is known not to have been made."""
        failures = self.progress.failures
        progress = Progress(phase=Phase.SEND, failures=failures + 1)
        return self.later(progress, back_off(failures, chance=self.chance))

    def repeat(self) -> Later:
        """Make an accepted change once more, of which nobody knows how it ended; the rarer the more often."""
        polls = self.progress.polls
        progress = Progress(phase=Phase.SEND, polls=polls + 1, is_outcome_unknown=True)
        return self.later(progress, back_off(polls, chance=self.chance))

    def settle(self) -> Step:
        """Look at the resource at once, if there is one; repeat what it does not show and the deadline allows."""
        # What waits has no document that could be compared with the resource's.
        is_repeatable = self.endpoint.waits and self.endpoint.after_unknown is AfterUnknown.REPEAT
        if is_repeatable and not self.is_over:
            return self.repeat()
        if self.endpoint.resource not in READS:
            return outcome_unknown("nothing shows whether it was made")
        progress = replace(self.progress, phase=Phase.SETTLE, failures=0)
        return self.later(progress, timedelta())


def succeeded(http_status: int) -> Ended:
    return Ended(status=OperationStatus.SUCCEEDED, http_status=http_status)


def failed(error: OperationError, *, http_status: int | None = None) -> Ended:
    return Ended(status=OperationStatus.FAILED, http_status=http_status, error=error)


def outcome_unknown(found: str) -> Ended:
    message = f"the Scheduler did not say how the change ended, and {found}"
    return failed(OperationError(code=OUTCOME_UNKNOWN, message=message))
