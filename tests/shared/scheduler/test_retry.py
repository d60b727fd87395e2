from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.retry import (
    DEFAULT_INTERVAL,
    End,
    NextStep,
    Retries,
    Retry,
    RunErrorAction,
    default_of_plan,
    has_faulted,
    next_step,
    retries_of,
)
from shared.wire.job import ActionName
from shared.wire.json_types import JsonObject
from shared.wire.retry_policy import RetryPolicy, RetryType

MAIN, ERROR = ActionName.MAIN_ACTION, ActionName.ERROR_ACTION
INTERVAL = timedelta(minutes=1)
TWICE = Retries(count=2, interval=INTERVAL)
NEVER = Retries(count=0, interval=INTERVAL)
DEFAULT = Retries(count=4, interval=DEFAULT_INTERVAL)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, DEFAULT),
        ({"retryType": "none"}, Retries(count=0, interval=DEFAULT_INTERVAL)),
        ({"retryType": "none", "retryCount": 3}, Retries(count=0, interval=DEFAULT_INTERVAL)),
        ({"retryType": "fixed", "retryCount": 0}, Retries(count=0, interval=DEFAULT_INTERVAL)),
        ({"retryType": "fixed"}, DEFAULT),
        ({"retryType": "fixed", "retryCount": 2}, Retries(count=2, interval=DEFAULT_INTERVAL)),
        (
            {"retryType": "fixed", "retryInterval": "01:00:00"},
            Retries(count=4, interval=timedelta(hours=1)),
        ),
        (
            {"retryType": "fixed", "retryInterval": "30.00:00:00", "retryCount": 20},
            Retries(count=20, interval=timedelta(days=30)),
        ),
    ],
)
def test_a_stored_policy_says_how_often_and_how_far_apart(
    policy: JsonObject | None, expected: Retries
) -> None:
    assert retries_of(policy, default=DEFAULT) == expected


def test_a_plan_holds_the_default_back_and_never_hurries_it() -> None:
    hour = timedelta(hours=1)

    assert default_of_plan(DEFAULT, min_interval=hour) == Retries(count=4, interval=hour)
    assert default_of_plan(DEFAULT, min_interval=timedelta(0)) == DEFAULT


def test_the_default_is_the_one_that_is_passed() -> None:
    assert retries_of(None, default=NEVER) == NEVER
    assert retries_of({"retryType": "fixed"}, default=NEVER) == NEVER


@given(count=st.integers(1, 20), seconds=st.integers(15, 548 * 86400))
def test_every_policy_that_can_be_stored_is_understood(count: int, seconds: int) -> None:
    interval = timedelta(seconds=seconds)
    policy = RetryPolicy(retry_type=RetryType.FIXED, retry_interval=interval, retry_count=count)

    assert retries_of(policy.document(), default=DEFAULT) == Retries(count=count, interval=interval)


@pytest.mark.parametrize(
    ("action_name", "retry_count", "succeeded", "retries", "has_error_action", "expected"),
    [
        (MAIN, 0, True, TWICE, False, End(is_success=True)),
        (MAIN, 2, True, TWICE, True, End(is_success=True)),
        (MAIN, 0, False, TWICE, False, Retry(INTERVAL)),
        (MAIN, 1, False, TWICE, True, Retry(INTERVAL)),
        (MAIN, 2, False, TWICE, True, RunErrorAction()),
        (MAIN, 2, False, TWICE, False, End(is_success=False)),
        (MAIN, 0, False, NEVER, True, RunErrorAction()),
        (MAIN, 0, False, NEVER, False, End(is_success=False)),
        # The policy was changed to fewer retries than this attempt has had.
        (MAIN, 3, False, TWICE, True, RunErrorAction()),
        (ERROR, 0, True, TWICE, True, End(is_success=False)),
        (ERROR, 0, False, TWICE, True, Retry(INTERVAL)),
        (ERROR, 2, False, TWICE, True, End(is_success=False)),
        (ERROR, 0, False, NEVER, True, End(is_success=False)),
    ],
)
def test_the_step_after_an_attempt(
    action_name: ActionName,
    retry_count: int,
    succeeded: bool,
    retries: Retries,
    has_error_action: bool,
    expected: NextStep,
) -> None:
    step = next_step(
        action_name=action_name,
        retry_count=retry_count,
        succeeded=succeeded,
        retries=retries,
        has_error_action=has_error_action,
    )

    assert step == expected


@pytest.mark.parametrize(
    ("action_name", "step", "expected"),
    [
        (MAIN, RunErrorAction(), True),
        (MAIN, End(is_success=False), True),
        (MAIN, End(is_success=True), False),
        (MAIN, Retry(INTERVAL), False),
        (ERROR, End(is_success=False), False),
        (ERROR, Retry(INTERVAL), False),
    ],
)
def test_an_occurrence_faults_when_its_main_action_gives_up(
    action_name: ActionName, step: NextStep, expected: bool
) -> None:
    assert has_faulted(action_name, step) is expected


@given(
    results=st.lists(st.booleans(), min_size=42, max_size=42),
    retries=st.builds(Retries, count=st.integers(0, 20), interval=st.just(INTERVAL)),
    has_error_action=st.booleans(),
)
def test_p5_an_execution_ends_once_after_a_bounded_number_of_attempts(
    results: list[bool], retries: Retries, has_error_action: bool
) -> None:
    attempts, steps = run(results, retries, has_error_action)

    main = [result for name, result in attempts if name is MAIN]
    error = [result for name, result in attempts if name is ERROR]
    assert 1 <= len(main) <= 1 + retries.count
    assert len(error) <= 1 + retries.count
    assert bool(error) == (has_error_action and not any(main))
    # Nothing is tried again after a success, and nothing is given up before the retries are.
    assert len(main) == 1 + retries.count or main[-1]
    assert not any(main[:-1] + error[:-1])
    assert [step for step in steps if isinstance(step, End)] == [End(is_success=main[-1])]
    faults = sum(has_faulted(name, step) for (name, _), step in zip(attempts, steps, strict=True))
    assert faults == (not main[-1])


def run(
    results: list[bool], retries: Retries, has_error_action: bool
) -> tuple[list[tuple[ActionName, bool]], list[NextStep]]:
    """Make attempts with those results until nothing follows."""
    action_name, retry_count = MAIN, 0
    attempts: list[tuple[ActionName, bool]] = []
    steps: list[NextStep] = []
    for succeeded in results:
        step = next_step(
            action_name=action_name,
            retry_count=retry_count,
            succeeded=succeeded,
            retries=retries,
            has_error_action=has_error_action,
        )
        attempts.append((action_name, succeeded))
        steps.append(step)
        match step:
            case Retry():
                retry_count += 1
            case RunErrorAction():
                action_name, retry_count = ERROR, 0
            case End():
                break
    return attempts, steps
