"""When a job runs next, as its row says it: what follows from a definition, from a claim, from a start; pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.scheduler.recurrence import Grid, first_occurrence
from shared.wire.job import Job
from shared.wire.recurrence import Frequency

JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a definition says about when, and how far it is.

    Without a frequency the job runs once. The anchor is startTime; a job that drifts has none, and each of its
    occurrences follows from the actual start before it (contract/MODEL.md §4). `claimed` counts towards `count`.
    """

    generation: int = 0
    frequency: Frequency | None = None
    interval: int = 1
    anchor: datetime | None = None
    drifts: bool = False
    count: int | None = None
    end_time: datetime | None = None
    next_occurrence: datetime | None = None
    claimed: int = 0

    @property
    def has_used_its_count(self) -> bool:
        return self.count is not None and self.claimed >= self.count

    def grid(self, anchor: datetime) -> Grid | None:
        """Return the occurrences from `anchor` on; None for a job that runs once."""
        if self.frequency is None:
            return None
        return Grid(
            anchor=anchor,
            frequency=self.frequency,
            interval=self.interval,
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
    return Timing(
        frequency=rule.frequency,
        interval=rule.interval,
        anchor=job.start_time,
        drifts=job.start_time is None,
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
    grid = timing.grid(timing.anchor) if timing.anchor is not None else None
    claimed = timing.claimed + 1
    if grid is None:
        return Claim(occurrence=planned, claimed=claimed)
    occurrence = max(planned, grid.last_until(now) or planned)
    following = None
    if timing.count is None or claimed < timing.count:
        following = grid.next_after(occurrence)
    missed = missed_before(grid, planned, occurrence)
    return Claim(occurrence=occurrence, missed=missed, claimed=claimed, next_occurrence=following)


def missed_before(
    grid: Grid, planned: datetime, occurrence: datetime
) -> tuple[datetime, datetime] | None:
    if occurrence == planned:
        return None
    last = grid.last_until(occurrence - JUST_BEFORE)
    return planned, last or planned


def after_start(timing: Timing, *, started_at: datetime) -> Timing:
    """Return the timing of a job that drifts: its next occurrence is one interval after an actual start."""
    grid = timing.grid(started_at)
    if grid is None or timing.has_used_its_count:
        return timing
    return replace(timing, next_occurrence=grid.next_after(started_at))


def after_skip(timing: Timing, *, latest: datetime, now: datetime) -> Timing:
    """Return the timing with what a skipped occurrence had used given back.

    A job that had used its count goes on after `latest`, the last occurrence that is claimed: claims may be ahead.
    """
    given_back = replace(timing, claimed=timing.claimed - 1)
    if timing.next_occurrence is not None:
        return given_back
    if timing.drifts:
        return after_start(given_back, started_at=now)
    grid = timing.grid(timing.anchor) if timing.anchor is not None else None
    return replace(given_back, next_occurrence=grid.next_after(latest) if grid else None)
