from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import TypeAlias, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConflictError
from shared.scheduler.lifecycle import (
    EXECUTION_TRANSITIONS,
    TRANSITIONS,
    ExecutionState,
    ExecutionTrigger,
    JobTrigger,
    next_state,
)
from shared.wire.job import JobState

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "life-of-a-job.md"
StateT = TypeVar("StateT", bound=StrEnum)
TriggerT = TypeVar("TriggerT", bound=StrEnum)
Arrow: TypeAlias = tuple[StrEnum | None, StrEnum, StrEnum]
REFUSED = [
    (state, trigger)
    for state, trigger in product(JobState, JobTrigger)
    if (state, trigger) not in TRANSITIONS
]


def arrows(transitions: Mapping[tuple[StateT | None, TriggerT], StateT]) -> list[Arrow]:
    return [(state, trigger, following) for (state, trigger), following in transitions.items()]


@pytest.mark.parametrize(
    ("state", "trigger", "expected"),
    [
        (None, JobTrigger.ENABLE, JobState.ENABLED),
        (None, JobTrigger.DISABLE, JobState.DISABLED),
        (JobState.ENABLED, JobTrigger.ENABLE, JobState.ENABLED),
        (JobState.ENABLED, JobTrigger.DISABLE, JobState.DISABLED),
        (JobState.DISABLED, JobTrigger.ENABLE, JobState.ENABLED),
        (JobState.DISABLED, JobTrigger.DISABLE, JobState.DISABLED),
        (JobState.ENABLED, JobTrigger.RUN, JobState.ENABLED),
        (JobState.DISABLED, JobTrigger.RUN, JobState.DISABLED),
        (JobState.ENABLED, JobTrigger.LAST_OCCURRENCE_SUCCEEDED, JobState.COMPLETED),
        (JobState.ENABLED, JobTrigger.LAST_OCCURRENCE_FAILED, JobState.FAULTED),
        (JobState.ENABLED, JobTrigger.NO_OCCURRENCE_LEFT, JobState.COMPLETED),
        (JobState.ENABLED, JobTrigger.CANNOT_BE_PLANNED, JobState.FAULTED),
    ],
)
def test_what_happens_to_a_job_leads_to_its_next_state(
    state: JobState | None, trigger: JobTrigger, expected: JobState
) -> None:
    assert next_state(state, trigger, job="a") is expected


@pytest.mark.parametrize(("state", "trigger"), REFUSED)
def test_everything_else_is_a_conflict(state: JobState, trigger: JobTrigger) -> None:
    with pytest.raises(ConflictError, match=f"^Job 'a/b' is {state}; only enabled ") as caught:
        next_state(state, trigger, job="a/b")

    assert caught.value.code == "Conflict"


@pytest.mark.parametrize(
    ("state", "trigger", "message"),
    [
        (
            JobState.COMPLETED,
            JobTrigger.ENABLE,
            "Job 'a' is completed; only enabled and disabled jobs can be changed.",
        ),
        (
            JobState.FAULTED,
            JobTrigger.DISABLE,
            "Job 'a' is faulted; only enabled and disabled jobs can be changed.",
        ),
        (
            JobState.COMPLETED,
            JobTrigger.RUN,
            "Job 'a' is completed; only enabled and disabled jobs can run.",
        ),
        (
            JobState.DISABLED,
            JobTrigger.LAST_OCCURRENCE_SUCCEEDED,
            "Job 'a' is disabled; only enabled jobs can end.",
        ),
    ],
)
def test_a_conflict_names_the_job_its_state_and_the_states_that_would_do(
    state: JobState, trigger: JobTrigger, message: str
) -> None:
    with pytest.raises(ConflictError) as caught:
        next_state(state, trigger, job="a")

    assert caught.value.message == message


def test_completed_and_faulted_are_final() -> None:
    assert ends_of(arrows(TRANSITIONS)) == {JobState.COMPLETED, JobState.FAULTED}


def test_p5_an_execution_ends_succeeded_failed_or_skipped() -> None:
    assert ends_of(arrows(EXECUTION_TRANSITIONS)) == {
        ExecutionState.SUCCEEDED,
        ExecutionState.FAILED,
        ExecutionState.SKIPPED,
    }


def diagram(transitions: Mapping[tuple[StateT | None, TriggerT], StateT]) -> str:
    """Return a table as a Mermaid state diagram, an arrow for each pair of states."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for (state, trigger), following in transitions.items():
        reasons.setdefault((state or "[*]", following), []).append(trigger)
    left = {state for state, _ in transitions}
    finals = [state for state in dict.fromkeys(transitions.values()) if state not in left]
    lines = [f"{one} --> {other} : {', '.join(why)}" for (one, other), why in reasons.items()]
    lines += [f"{state} --> [*]" for state in finals]
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in lines)])


def ends_of(of: list[Arrow]) -> set[StrEnum]:
    return {following for _, _, following in of} - {state for state, _, _ in of if state}


@pytest.mark.parametrize(
    ("states", "triggers", "of"),
    [
        (JobState, JobTrigger, arrows(TRANSITIONS)),
        (ExecutionState, ExecutionTrigger, arrows(EXECUTION_TRANSITIONS)),
    ],
)
def test_every_state_can_be_reached_and_every_trigger_leads_somewhere(
    states: type[StrEnum], triggers: type[StrEnum], of: list[Arrow]
) -> None:
    reached: set[StrEnum | None] = {None}
    for _ in states:
        reached |= {following for state, _, following in of if state in reached}

    assert reached - {None} == set(states)
    assert {trigger for _, trigger, _ in of} == set(triggers)


@given(st.lists(st.sampled_from(ExecutionTrigger), max_size=30))
def test_p5_an_execution_is_claimed_once_and_skipped_only_before_its_start(
    triggers: list[ExecutionTrigger],
) -> None:
    path: list[ExecutionState] = []
    for trigger in triggers:
        following = EXECUTION_TRANSITIONS.get((path[-1] if path else None, trigger))
        path += [following] if following else []

    assert path.count(ExecutionState.CLAIMED) == min(len(path), 1)
    assert {ExecutionState.SKIPPED, ExecutionState.RUNNING} - set(path)
    assert sum(state in ends_of(arrows(EXECUTION_TRANSITIONS)) for state in path) <= 1


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("job", diagram(TRANSITIONS)), ("execution", diagram(EXECUTION_TRANSITIONS))],
)
def test_the_page_shows_the_table(name: str, wanted: str) -> None:
    _, _, rest = PAGE.read_text().partition(f"<!-- states of {name} -->\n")
    shown, _, _ = rest.partition("\n<!-- end -->")

    block = f"```mermaid\n{wanted}\n```"
    assert shown == block, f"{PAGE.name} has to show, below 'states of {name}':\n\n{block}"
