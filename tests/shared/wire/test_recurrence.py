import pytest
from hypothesis import given

from shared.errors import Fault, InvalidRequestError
from shared.wire.json_types import JsonObject
from shared.wire.model import read
from shared.wire.recurrence import Recurrence
from tests.shared.wire import strategies


@given(strategies.recurrences)
def test_recurrences_survive_the_wire(recurrence: Recurrence) -> None:
    assert read(Recurrence, recurrence.document()) == recurrence


def test_interval_is_one_when_left_out() -> None:
    document = read(Recurrence, {"frequency": "Day"}).document()

    assert document == {"frequency": "day", "interval": 1}


@pytest.mark.parametrize(
    ("frequency", "most"),
    [("minute", 1000), ("hour", 1000), ("day", 548), ("week", 78), ("month", 18)],
)
def test_interval_reaches_to_its_limit_and_no_further(frequency: str, most: int) -> None:
    read(Recurrence, {"frequency": frequency, "interval": most})

    for beyond in (0, -1, most + 1):
        with pytest.raises(InvalidRequestError) as caught:
            read(Recurrence, {"frequency": frequency, "interval": beyond})
        message = f"is {beyond}; from 1 to {most} are allowed"
        assert caught.value.faults == (Fault("$.interval", message),)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({}, Fault("$.frequency", "is required")),
        ({"frequency": "year"}, Fault("$.frequency", "must be one of minute, hour, day, week, month")),
        ({"frequency": "day", "count": 0}, Fault("$.count", "must be greater than or equal to 1")),
        ({"frequency": "day", "count": 2**31}, Fault("$.count", "must be less than or equal to 2147483647")),
        ({"frequency": "day", "interval": "2"}, Fault("$.interval", "must be an integer")),
        ({"frequency": "day", "schedule": {}}, Fault("$.schedule", "schedule is not supported yet")),
    ],
)  # fmt: skip
def test_recurrences_that_cannot_be_are_refused(document: JsonObject, fault: Fault) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Recurrence, document)

    assert caught.value.faults == (fault,)
