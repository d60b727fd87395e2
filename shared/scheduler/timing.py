"""When a job runs next, as its row says it: what follows from a definition, from a claim, from a start; pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.scheduler.instants import JUST_BEFORE
from shared.scheduler.recurrence import Occurrences, first_occurrence, occurrences
from shared.wire.job import Job
from shared.wire.recurrence import Frequency, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a definition says about when, and how far it is.

    Without a frequency the job runs once. The anchor is startTime, or without one the minute of the first occurrence of
    a schedule; a job that drifts has none, and each of its occurrences follows from the actual start before it
    (contract/MODEL.md §4). `claimed` counts towards `count`.
    """

    generation: int = 0
    frequency: Frequency | None = None
    interval: int = 1
    schedule: Schedule | None = None
    anchor: datetime | None = None
    drifts: bool = False
    count: int | None = None
    end_time: datetime | None = None
    next_occurrence: datetime | None = None
    claimed: int = 0

    @property
    def has_used_its_count(self) -> bool:
        return self.count is not None and self.claimed >= self.count

    def occurrences(self, anchor: datetime | None) -> Occurrences | None:
        """Return the occurrences from `anchor` on; None without one, and for a job that runs once."""
        if self.frequency is None or anchor is None:
            return None
        return occurrences(
            anchor=anchor,
            frequency=self.frequency,
            interval=self.interval,
            schedule=self.schedule,
            end_time=self.end_time,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The occurrence that is claimed, the first and last of those before it that were missed, and what is next."""

    occurrence: datetime
    missed: tuple[datetime, datetime] | None = None
    claimed: int
    next_occurrence: datetime | None = None


def timing_of(job: Job, *, now: datetime, run_now_delay: timedelta) -> Timing:
    """Return the timing of a definition that is new, changed or enabled again at `now`, for what is still to come."""
    rule = job.recurrence
    following = first_occurrence(
        start_time=job.start_time, recurrence=rule, now=now, run_now_delay=run_now_delay
    )
    if rule is None:
        return Timing(anchor=job.start_time, next_occurrence=following)
    anchor = job.start_time
    if anchor is None and rule.schedule is not None and following is not None:
        # Seconds are startTime's, so that there are none without it.
        anchor = following.replace(second=0, microsecond=0)
    return Timing(
        frequency=rule.frequency,
        interval=rule.interval,
        schedule=rule.schedule,
        anchor=anchor,
        drifts=job.start_time is None and rule.schedule is None,
        count=rule.count,
        end_time=rule.end_time,
        next_occurrence=following,
    )


def claim(timing: Timing, *, now: datetime) -> Claim:
    """Claim the next occurrence of a job, or the last of several that have passed (catch-up `latest`).

    A skipped occurrence does not count towards `count`. The next one of a job that drifts is known at its start.
    """
    planned = timing.next_occurrence
    assert planned is not None, "a job without a next occurrence is not due"
    of = timing.occurrences(timing.anchor)
    claimed = timing.claimed + 1
    if of is None:
        return Claim(occurrence=planned, claimed=claimed)
    occurrence = max(planned, of.last_until(now) or planned)
    following = None
    if timing.count is None or claimed < timing.count:
        following = of.next_after(occurrence)
    missed = missed_before(of, planned, occurrence)
    return Claim(occurrence=occurrence, missed=missed, claimed=claimed, next_occurrence=following)


def missed_before(
    of: Occurrences, planned: datetime, occurrence: datetime
) -> tuple[datetime, datetime] | None:
    if occurrence == planned:
        return None
    # The first execution of a job without startTime is none of its schedule's.
    last = of.last_until(occurrence - JUST_BEFORE) or planned
    return planned, max(planned, last)


def after_start(timing: Timing, *, started_at: datetime) -> Timing:
    """Return the timing of a job that drifts: its next occurrence is one interval after an actual start."""
    of = timing.occurrences(started_at)
    if of is None or timing.has_used_its_count:
        return timing
    return replace(timing, next_occurrence=of.next_after(started_at))


def after_skip(timing: Timing, *, latest: datetime, now: datetime) -> Timing:
    """Return the timing with what a skipped occurrence had used given back.

    A job that had used its count goes on after `latest`, the last occurrence that is claimed: claims may be ahead.
    """
    given_back = replace(timing, claimed=timing.claimed - 1)
    if timing.next_occurrence is not None:
        return given_back
    if timing.drifts:
        return after_start(given_back, started_at=now)
    of = timing.occurrences(timing.anchor)
    return replace(given_back, next_occurrence=of.next_after(latest) if of else None)
