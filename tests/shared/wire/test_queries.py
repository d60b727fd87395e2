import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.wire.job import JobExecutionStatus, JobState
from shared.wire.model import read
from shared.wire.queries import (
    MAX_HISTORY_TOP,
    MAX_SKIP,
    MAX_TOP,
    CheckNameQuery,
    HistoryQuery,
    JobsQuery,
    asked_of_history,
    asked_state,
    whole_number,
)


@pytest.mark.parametrize(
    ("text", "status", "state"),
    [
        ("status eq failed", JobExecutionStatus.FAILED, None),
        (" STATE  eq 'Disabled' ", None, JobState.DISABLED),
        (
            "state eq enabled and status eq completed",
            JobExecutionStatus.COMPLETED,
            JobState.ENABLED,
        ),
    ],
)
def test_a_filter_of_history_compares_status_state_or_both(
    text: str, status: JobExecutionStatus | None, state: JobState | None
) -> None:
    assert asked_of_history(text) == (status, state)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status",
        "status eq",
        "status ne failed",
        "status eq failed and status eq failed",
        "status eq failed or state eq enabled",
        "status eq failed and",
        "colour eq red",
        "status eq enabled",
        "status eq failed and state eq enabled and state eq enabled",
    ],
)
def test_p10_what_compares_nothing_known_is_no_filter(text: str) -> None:
    with pytest.raises(ValueError, match="must be 'status eq'"):
        asked_of_history(text)
    with pytest.raises(ValueError, match="must be 'state eq'"):
        asked_state(text)


@pytest.mark.parametrize("text", ["", " 1", "1 ", "+1", "1.0", "1e2", "٣", "0x1", "9" * 11])
def test_p10_what_is_no_whole_number_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="^must be an integer from 1 to 1000$"):
        whole_number(text, least=1, most=MAX_TOP)


@pytest.mark.parametrize("text", ["1", "007", "1000"])
def test_a_whole_number_is_one(text: str) -> None:
    assert whole_number(text, least=1, most=MAX_TOP) == int(text)


@given(st.integers(-10, 2**31 + 10))
def test_limits_of_pages_are_those_of_the_service(number: int) -> None:
    def is_taken(model: type[JobsQuery | HistoryQuery], name: str) -> bool:
        try:
            return read(model, {name: str(number)}).document() == {name: str(number)}
        except InvalidRequestError:
            return False

    assert is_taken(JobsQuery, "$top") == (1 <= number <= MAX_TOP)
    assert is_taken(HistoryQuery, "$top") == (1 <= number <= MAX_HISTORY_TOP)
    for model in (JobsQuery, HistoryQuery):
        assert is_taken(model, "$skip") == (0 <= number <= MAX_SKIP)


@pytest.mark.parametrize("name", ["jc1", "a name that no collection can have", "n" * 200])
def test_any_text_is_a_question(name: str) -> None:
    assert read(CheckNameQuery, {"resourceName": name}).resource_name == name
