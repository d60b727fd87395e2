"""What a look at another Scheduler's list of jobs says about the history of one of them; pure.

The list shows of each job how many attempts of its main action are recorded, and when the last one started. A job whose
numbers moved has new records; what it has more than the records that were found is lost. Records and numbers may lag
behind each other, so a loss is told only after several looks in a row that came up short.

PUT sets the numbers back, and a disabled job has none. What nothing shows cannot be missed: attempts of a job that was
deleted, or put anew, between two looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import InvalidRequestError
from shared.wire.job import ActionName, JobHistory, JobStatus
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read
from shared.wire.names import name_faults

SHORT_LOOKS = 3
LONGEST_ATTEMPT = timedelta(hours=25)
"""A target may take 24 hours over a request that it answered with 202; records come in the order in which they end."""
MOST_ATTEMPTS = 2**53
RECORD_MEMBERS = frozenset(
    str(field.alias).lower() for field in JobHistory.model_fields.values() if field.alias
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a list of jobs shows of one; `attempts` is None while it does not say."""

    id: str
    attempts: int | None
    last_started: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenJob:
    """What the looks so far have left of a job.

    `attempts` are those accounted for: told, lost, or there before the first look; None where that one could not see
    how many. Records that started at `known_until` or earlier are known. Everything was accounted for at `complete_at`.
    """

    attempts: int | None
    last_started: datetime | None
    known_until: datetime | None
    complete_at: datetime
    short_looks: int = 0

    def expects(self, sight: Sight) -> int:
        """Return how many records of the main action there should be that are not accounted for."""
        if self.attempts is None or sight.attempts is None:
            return 0
        return sight.attempts - (self.attempts if sight.attempts >= self.attempts else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Attempts that were recorded after `since` and could not be found `until` now."""

    since: datetime
    until: datetime
    attempts: int


def sight_of(document: Json) -> Sight | None:
    """Return what one job of the list shows; None for what is no job."""
    if not isinstance(document, dict):
        return None
    job = document.get("id")
    if not isinstance(job, str) or name_faults({"job": job}):
        return None
    status = status_of(document.get("status"))
    if status is None:
        return Sight(id=job, attempts=None, last_started=None)
    return Sight(id=job, attempts=status.execution_count, last_started=status.last_execution_time)


def status_of(document: Json) -> JobStatus | None:
    if not isinstance(document, dict):
        return None
    try:
        status = read(JobStatus, document)
    except InvalidRequestError:
        return None
    return status if status.execution_count <= MOST_ATTEMPTS else None


def record_of(document: Json) -> JobHistory | None:
    """Return one record of a history; None for what is none. Members that only its server knows are left out."""
    if not isinstance(document, dict):
        return None
    known: JsonObject = {
        name: value for name, value in document.items() if name.lower() in RECORD_MEMBERS
    }
    try:
        return read(JobHistory, known)
    except InvalidRequestError:
        return None


def first_sight(sight: Sight, *, since: datetime | None, now: datetime) -> SeenJob:
    """Return what is known of a job that no look has seen; `since` is the look before, None at the first of all.

    What the first look of all finds was there before us. A job that comes later is new with all its history.
    """
    if since is not None:
        return SeenJob(attempts=0, last_started=None, known_until=None, complete_at=since)
    return SeenJob(
        attempts=sight.attempts,
        last_started=sight.last_started,
        known_until=now if sight.attempts is None else sight.last_started,
        complete_at=now,
    )


def has_moved(seen: SeenJob, sight: Sight) -> bool:
    """Whether there may be records that nobody has told of."""
    if sight.attempts is None:
        return False
    is_as_it_was = seen.attempts == sight.attempts and seen.last_started == sight.last_started
    return not is_as_it_was or seen.short_looks > 0


def account(
    seen: SeenJob, sight: Sight, found: Sequence[JobHistory], *, now: datetime
) -> tuple[SeenJob, Lost | None]:
    """Return what is known after a look that `found` these records, which nobody had told of, and what it gave up."""
    mains = sum(record.action_name is ActionName.MAIN_ACTION for record in found)
    missing = max(seen.expects(sight) - mains, 0)
    starts = [record.start_time - LONGEST_ATTEMPT for record in found]
    known = [instant for instant in (seen.known_until, *starts) if instant is not None]
    following = SeenJob(
        attempts=sight.attempts,
        last_started=sight.last_started,
        known_until=max(known, default=None),
        complete_at=now,
    )
    if not missing:
        return following, None
    if seen.short_looks + 1 < SHORT_LOOKS:
        waiting = replace(
            following,
            attempts=(sight.attempts or 0) - missing,
            complete_at=seen.complete_at,
            short_looks=seen.short_looks + 1,
        )
        return waiting, None
    return following, Lost(since=seen.complete_at, until=now, attempts=missing)
