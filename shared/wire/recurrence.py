"""When a job runs again (contract/MODEL.md §5)."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, LiteralString, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.errors import Fault
from shared.wire.faults import SENTENCE
from shared.wire.model import Ignored, WireModel
from shared.wire.times import Instant
from shared.wire.words import word_reader


class Frequency(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class WeekDay(StrEnum):
    SUNDAY = "sunday"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"


# 18 months each, but no more than 1000 minutes or hours.
MAX_INTERVAL = {
    Frequency.MINUTE: 1000,
    Frequency.HOUR: 1000,
    Frequency.DAY: 548,
    Frequency.WEEK: 78,
    Frequency.MONTH: 18,
}
MAX_COUNT = 2**31 - 1
MONTHS = 12
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MAX_OF_A_WEEK_DAY = 5
"""No month has more Fridays."""

FrequencyWord = Annotated[Frequency, BeforeValidator(word_reader(Frequency))]
WeekDayWord = Annotated[WeekDay, BeforeValidator(word_reader(WeekDay))]
ItemT = TypeVar("ItemT")


def check_interval(interval: int, info: ValidationInfo) -> int:
    """Refuse an interval beyond what the frequency, validated before it, allows."""
    most = MAX_INTERVAL[info.data.get("frequency", Frequency.MINUTE)]
    if not 1 <= interval <= most:
        raise PydanticCustomError(
            "interval",
            "is {interval}; from 1 to {most} are allowed",
            {"interval": interval, "most": most},
        )
    return interval


def as_array(value: object) -> object:
    """One value stands for an array of it."""
    return value if isinstance(value, list | tuple) else [value]


def without_repeats(values: tuple[ItemT, ...]) -> tuple[ItemT, ...]:
    return tuple(dict.fromkeys(values))


def not_zero(number: int) -> int:
    if number == 0:
        raise PydanticCustomError("zero", "must not be 0: from 1 the first, from -1 the last")
    return number


def none_if_zero(count: object) -> object:
    """Terraform sends 0 for a count that nobody set."""
    return None if count == 0 and type(count) is int else count


ArrayT = TypeVar("ArrayT", bound=tuple[object, ...])
Array = Annotated[ArrayT, BeforeValidator(as_array), AfterValidator(without_repeats)]
Minute = Annotated[int, Field(strict=True, ge=0, le=59)]
Hour = Annotated[int, Field(strict=True, ge=0, le=23)]
FromEitherEnd = Annotated[int, Field(strict=True, ge=-31, le=31), AfterValidator(not_zero)]


class MonthlyOccurrence(WireModel):
    """The first, second … such day of a month, or from its end; without `occurrence` each of them."""

    day: WeekDayWord
    occurrence: FromEitherEnd | None = None


class Schedule(WireModel):
    """On which days of a period and at what times of day; what is left out (or empty) is as the start has it."""

    minutes: Array[tuple[Minute, ...]] | None = None
    hours: Array[tuple[Hour, ...]] | None = None
    week_days: Array[tuple[WeekDayWord, ...]] | None = None
    month_days: Array[tuple[FromEitherEnd, ...]] | None = None
    monthly_occurrences: Array[tuple[MonthlyOccurrence, ...]] | None = None
    months: Ignored = None


MEMBERS = {
    "minutes": "minutes",
    "hours": "hours",
    "week_days": "days of week",
    "month_days": "days of month",
    "monthly_occurrences": "monthly occurrences",
}
ALLOWED_MEMBERS = {
    Frequency.MINUTE: frozenset[str](),
    Frequency.HOUR: frozenset({"minutes"}),
    Frequency.DAY: frozenset({"minutes", "hours"}),
    Frequency.WEEK: frozenset({"minutes", "hours", "week_days"}),
    Frequency.MONTH: frozenset({"minutes", "hours", "month_days", "monthly_occurrences"}),
}


class Recurrence(WireModel):
    """Without `count` and `end_time` endless; with both, whichever is reached first."""

    frequency: FrequencyWord
    count: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)] | None, BeforeValidator(none_if_zero)
    ] = None
    end_time: Instant | None = None
    interval: Annotated[int, Field(strict=True)] = 1
    schedule: Schedule | None = None

    _check_interval = field_validator("interval")(check_interval)

    @field_validator("schedule")
    @classmethod
    def _check_schedule(cls, schedule: Schedule | None, info: ValidationInfo) -> Schedule | None:
        frequency = info.data.get("frequency")
        if schedule is None or frequency is None:
            return schedule
        errors = [*of_another_unit(schedule, frequency)] or [*contradictions(schedule)]
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return schedule


def of_another_unit(schedule: Schedule, frequency: Frequency) -> Iterator[InitErrorDetails]:
    """Yield each member that the frequency does not have, be it empty; in the words of the retired service."""
    for name, words in MEMBERS.items():
        if getattr(schedule, name) is not None and name not in ALLOWED_MEMBERS[frequency]:
            unit = frequency.value.capitalize()
            yield error_at(name, SENTENCE, f"Cannot set {words} with recurrence unit '{unit}'.")


def contradictions(schedule: Schedule) -> Iterator[InitErrorDetails]:
    if not any(getattr(schedule, name) for name in MEMBERS):
        yield error_at(None, "empty", "must name minutes, hours or days")
    if schedule.month_days and schedule.monthly_occurrences:
        yield error_at("monthly_occurrences", "combined", "cannot be combined with monthDays")
    places = [one.occurrence or 1 for one in schedule.monthly_occurrences or ()]
    if places and all(abs(place) > MAX_OF_A_WEEK_DAY for place in places):
        yield error_at(
            "monthly_occurrences",
            "never",
            "never fires: no month has more than five of a day of the week",
        )


def error_at(member: str | None, kind: LiteralString, message: str) -> InitErrorDetails:
    alias = Schedule.model_fields[member].alias if member else None
    error = PydanticCustomError(kind, "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=(alias,) if alias else (), input=None)


def schedule_faults(recurrence: Recurrence, start_time: datetime | None) -> Iterator[Fault]:
    """Yield what makes a recurrence that begins with `start_time` never fire.

    Without startTime it fires at once, whatever its schedule says.
    """
    schedule = recurrence.schedule
    if start_time is None or schedule is None or not schedule.month_days:
        return
    first = start_time.month - 1
    months = range(first, first + MONTHS * recurrence.interval, recurrence.interval)
    longest = max(LONGEST_MONTHS[month % MONTHS] for month in months)
    if all(abs(day) > longest for day in schedule.month_days):
        found = (
            f"never fires: no month of every {recurrence.interval} from startTime on has such a day"
        )
        yield Fault("$.recurrence.schedule.monthDays", found)
