"""Recurrences and schedules on the wire: contract/MODEL.md §5.2."""

from datetime import UTC, datetime

import pytest
from hypothesis import given

from shared.errors import Fault, InvalidRequestError
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import read
from shared.wire.recurrence import Frequency, Recurrence, schedule_faults
from tests.shared.wire import strategies

NO_DAYS_OF_MONTH = "Cannot set days of month with recurrence unit 'Week'."


def scheduled(frequency: str, **members: Json) -> JsonObject:
    return {"frequency": frequency, "schedule": members}


def refused(document: JsonObject) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        read(Recurrence, document, path="$.recurrence")
    return caught.value


@given(strategies.recurrences)
def test_recurrences_survive_the_wire(recurrence: Recurrence) -> None:
    assert read(Recurrence, recurrence.document()) == recurrence


def test_interval_is_one_when_left_out() -> None:
    document = read(Recurrence, {"frequency": "Day"}).document()

    assert document == {"frequency": "day", "interval": 1}


def test_no_count_and_a_count_of_zero_are_the_same() -> None:
    assert read(Recurrence, {"frequency": "day", "count": 0}).count is None


def test_members_are_answered_in_the_order_of_the_service() -> None:
    document: JsonObject = {
        "schedule": {
            "monthlyOccurrences": [{"occurrence": -1, "day": "Friday"}],
            "hours": [5],
            "minutes": [0],
        },
        "interval": 2,
        "endTime": "2030-01-01T00:00:00Z",
        "count": 3,
        "frequency": "Month",
    }

    answered = read(Recurrence, document).document()

    assert list(answered) == ["frequency", "count", "endTime", "interval", "schedule"]
    assert list(answered["schedule"]) == ["minutes", "hours", "monthlyOccurrences"]  # type: ignore[arg-type]
    assert answered["schedule"] == {
        "minutes": [0],
        "hours": [5],
        "monthlyOccurrences": [{"day": "friday", "occurrence": -1}],
    }


@pytest.mark.parametrize(
    ("frequency", "given", "answered"),
    [
        ("day", {"hours": 5, "minutes": 0}, {"minutes": [0], "hours": [5]}),
        ("day", {"hours": [17, 5, 17]}, {"hours": [17, 5]}),
        ("day", {"hours": [5], "minutes": None, "monthDays": None}, {"hours": [5]}),
        ("day", {"hours": [5], "minutes": []}, {"minutes": [], "hours": [5]}),
        ("day", {"hours": [5], "months": [2]}, {"hours": [5]}),
        ("hour", {"minutes": [15]}, {"minutes": [15]}),
        ("WEEK", {"weekDays": "Monday"}, {"weekDays": ["monday"]}),
        ("week", {"weekDays": ["MONDAY", "monday", "Friday"]}, {"weekDays": ["monday", "friday"]}),
        ("month", {"monthDays": [31, -31, 1, -1]}, {"monthDays": [31, -31, 1, -1]}),
        (
            "month",
            {"monthlyOccurrences": [{"day": "Friday", "Occurrence": -1}]},
            {"monthlyOccurrences": [{"day": "friday", "occurrence": -1}]},
        ),
        (
            "month",
            {"monthlyOccurrences": {"day": "sunday"}},
            {"monthlyOccurrences": [{"day": "sunday"}]},
        ),
        (
            "month",
            {"monthlyOccurrences": [{"day": "sunday", "occurrence": 6}, {"day": "sunday"}]},
            {"monthlyOccurrences": [{"day": "sunday", "occurrence": 6}, {"day": "sunday"}]},
        ),
    ],
)
def test_a_schedule_is_answered_in_lower_case_and_as_arrays(
    frequency: str, given: JsonObject, answered: JsonObject
) -> None:
    assert read(Recurrence, scheduled(frequency, **given)).document()["schedule"] == answered


@pytest.mark.parametrize("days", [[1], [], 1])
def test_days_of_month_with_weeks_are_refused_in_the_words_of_the_service(days: Json) -> None:
    error = refused(scheduled("Week", weekDays=["monday"], monthDays=days))

    assert (error.status, error.code, error.message) == (400, "BadRequest", NO_DAYS_OF_MONTH)
    assert [fault.path for fault in error.faults] == ["$.recurrence.schedule.monthDays"]


@pytest.mark.parametrize(
    ("frequency", "member", "words"),
    [
        ("minute", "minutes", "minutes with recurrence unit 'Minute'"),
        ("minute", "hours", "hours with recurrence unit 'Minute'"),
        ("hour", "hours", "hours with recurrence unit 'Hour'"),
        ("hour", "weekDays", "days of week with recurrence unit 'Hour'"),
        ("day", "weekDays", "days of week with recurrence unit 'Day'"),
        ("day", "monthDays", "days of month with recurrence unit 'Day'"),
        ("day", "monthlyOccurrences", "monthly occurrences with recurrence unit 'Day'"),
        ("week", "monthlyOccurrences", "monthly occurrences with recurrence unit 'Week'"),
        ("month", "weekDays", "days of week with recurrence unit 'Month'"),
    ],
)
def test_a_member_of_another_unit_is_refused_alike(frequency: str, member: str, words: str) -> None:
    assert refused(scheduled(frequency, **{member: []})).message == f"Cannot set {words}."


def test_everything_that_a_client_could_send_at_once_is_refused_at_once() -> None:
    error = refused(
        scheduled(
            "day",
            weekDays=["monday"],
            monthDays=[1],
            monthlyOccurrences=[{"day": "friday", "occurrence": -1}],
        )
    )

    assert [fault.path.rpartition(".")[2] for fault in error.faults] == [
        "weekDays", "monthDays", "monthlyOccurrences",
    ]  # fmt: skip


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
        ({"frequency": "day", "count": -1}, Fault("$.count", "must be greater than or equal to 1")),
        ({"frequency": "day", "count": False}, Fault("$.count", "must be an integer")),
        ({"frequency": "day", "count": 2**31}, Fault("$.count", "must be less than or equal to 2147483647")),
        ({"frequency": "day", "interval": "2"}, Fault("$.interval", "must be an integer")),
    ],
)  # fmt: skip
def test_recurrences_that_cannot_be_are_refused(document: JsonObject, fault: Fault) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Recurrence, document)

    assert caught.value.faults == (fault,)


EMPTY = Fault("$.recurrence.schedule", "must name minutes, hours or days")
NEVER = "never fires: no month has more than five of a day of the week"


@pytest.mark.parametrize(
    ("frequency", "schedule", "fault"),
    [
        ("day", {}, EMPTY),
        ("minute", {}, EMPTY),
        ("day", {"hours": []}, EMPTY),
        ("day", {"months": [1]}, EMPTY),
        ("day", {"hours": [24]}, Fault(".hours[0]", "must be less than or equal to 23")),
        ("day", {"hours": [5, -1]}, Fault(".hours[1]", "must be greater than or equal to 0")),
        ("day", {"minutes": 60}, Fault(".minutes[0]", "must be less than or equal to 59")),
        ("day", {"minutes": ["5"]}, Fault(".minutes[0]", "must be an integer")),
        ("day", {"minutes": [True]}, Fault(".minutes[0]", "must be an integer")),
        ("day", {"hours": {"5": 1}}, Fault(".hours[0]", "must be an integer")),
        ("day", {"hour": [5]}, Fault(".hour", "is not a known member")),
        (
            "week",
            {"weekDays": ["mon"]},
            Fault(
                ".weekDays[0]",
                "must be one of sunday, monday, tuesday, wednesday, thursday, friday, saturday",
            ),
        ),
        (
            "month",
            {"monthDays": [0]},
            Fault(".monthDays[0]", "must not be 0: from 1 the first, from -1 the last"),
        ),
        ("month", {"monthDays": [32]}, Fault(".monthDays[0]", "must be less than or equal to 31")),
        (
            "month",
            {"monthDays": [1], "monthlyOccurrences": [{"day": "friday"}]},
            Fault(".monthlyOccurrences", "cannot be combined with monthDays"),
        ),
        (
            "month",
            {"monthlyOccurrences": [{"occurrence": 1}]},
            Fault(".monthlyOccurrences[0].day", "is required"),
        ),
        (
            "month",
            {"monthlyOccurrences": [{"day": "friday", "occurrence": 6}, {"day": "sunday", "occurrence": -6}]},
            Fault(".monthlyOccurrences", NEVER),
        ),
    ],
)  # fmt: skip
def test_schedules_that_cannot_be_are_refused(
    frequency: str, schedule: JsonObject, fault: Fault
) -> None:
    path = fault.path if fault.path.startswith("$") else f"$.recurrence.schedule{fault.path}"

    assert refused(scheduled(frequency, **schedule)).faults == (Fault(path, fault.message),)


@pytest.mark.parametrize(
    ("days", "interval", "start", "fires"),
    [
        ([31], 12, "02", False),
        ([30, -30], 12, "02", False),
        ([29], 12, "02", True),
        ([30, 1], 12, "02", True),
        ([31], 12, "04", False),
        ([-31], 12, "04", False),
        ([30], 12, "04", True),
        ([31], 6, "03", True),
        ([31], 6, "02", True),
        ([30], 18, "02", True),
        ([31], 1, "02", True),
    ],
)
def test_days_that_no_month_of_the_recurrence_has_are_a_fault(
    days: list[Json], interval: int, start: str, fires: bool
) -> None:
    recurrence = read(Recurrence, {**scheduled("month", monthDays=days), "interval": interval})

    found = [*schedule_faults(recurrence, datetime(2025, int(start), 3, tzinfo=UTC))]

    assert [fault.path for fault in found] == ([] if fires else ["$.recurrence.schedule.monthDays"])


def test_a_job_without_a_start_fires_at_once_whatever_its_schedule_says() -> None:
    recurrence = read(Recurrence, {**scheduled("month", monthDays=[31]), "interval": 12})

    assert [*schedule_faults(recurrence, None)] == []


def test_a_recurrence_without_days_of_month_always_fires() -> None:
    start = datetime(2025, 2, 1, tzinfo=UTC)

    for recurrence in (
        Recurrence(frequency=Frequency.MONTH, interval=12),
        read(Recurrence, scheduled("month", hours=[5])),
    ):
        assert [*schedule_faults(recurrence, start)] == []
