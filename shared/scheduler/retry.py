"""What follows a recorded attempt of an execution: another one, the error action, or the end; pure.

Main action and error action are tried 1 + `Retries.count` times each. An execution succeeds by its main action alone:
the error action tells somebody of the failure, it does not undo it.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias, assert_never

from shared.wire.job import ActionName
from shared.wire.json_types import JsonObject
from shared.wire.model import read_stored
from shared.wire.retry_policy import RetryPolicy, RetryType

DEFAULT_INTERVAL = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """What a job's retry policy means: how often a failed action is tried again, and how long after each failure."""

    count: int
    interval: timedelta


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the same action again."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class RunErrorAction:
    """Go on with the first attempt of the error action, at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Nothing follows."""

    is_success: bool


NextStep: TypeAlias = Retry | RunErrorAction | End


def retries_of(policy: JsonObject | None, *, default: Retries) -> Retries:
    """Return what a stored `retryPolicy` means; `default` serves a job without one, and fills absent members."""
    if policy is None:
        return default
    rule = read_stored(RetryPolicy, policy)
    interval = default.interval if rule.retry_interval is None else rule.retry_interval
    match rule.retry_type:
        case RetryType.NONE:
            return Retries(count=0, interval=interval)
        case RetryType.FIXED:
            count = default.count if rule.retry_count is None else rule.retry_count
            return Retries(count=count, interval=interval)
        case _ as never:
            assert_never(never)


def default_of_plan(default: Retries, *, min_interval: timedelta) -> Retries:
    """Return `default` as a plan allows it: no job retries more often than its own policy could say."""
    return replace(default, interval=max(default.interval, min_interval))


def next_step(
    *,
    action_name: ActionName,
    retry_count: int,
    succeeded: bool,
    retries: Retries,
    has_error_action: bool,
) -> NextStep:
    """Return what follows the attempt `retry_count`, counted from 0 for each action, of that action."""
    is_main = action_name is ActionName.MAIN_ACTION
    if succeeded:
        return End(is_success=is_main)
    if retry_count < retries.count:
        return Retry(retries.interval)
    if is_main and has_error_action:
        return RunErrorAction()
    return End(is_success=False)


def has_faulted(action_name: ActionName, step: NextStep) -> bool:
    """Return whether `step` follows the last failure of the main action: the occurrence counts as faulted, once."""
    gave_up = step in (RunErrorAction(), End(is_success=False))
    return gave_up and action_name is ActionName.MAIN_ACTION
