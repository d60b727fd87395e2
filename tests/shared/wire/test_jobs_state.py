import pytest

from shared.errors import InvalidRequestError
from shared.wire.job import JobState
from shared.wire.jobs_state import JobsState
from shared.wire.json_types import Json
from shared.wire.model import read


def test_words_are_read_ignoring_case() -> None:
    assert read(JobsState, {"state": "DISABLED"}).state is JobState.DISABLED
    assert read(JobsState, {"STATE": "enabled"}).document() == {"state": "enabled"}


@pytest.mark.parametrize("state", ["completed", "faulted", "on", "", None, True])
def test_p10_only_enabled_and_disabled_can_be_set(state: Json) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(JobsState, {"state": state})

    assert [fault.path for fault in caught.value.faults] == ["$.state"]
