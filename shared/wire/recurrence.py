"""When a job runs again."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.wire.model import WireModel
from shared.wire.times import Instant
from shared.wire.words import word_reader


class Frequency(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


# 18 months each, but no more than 1000 minutes or hours.
MAX_INTERVAL = {
    Frequency.MINUTE: 1000,
    Frequency.HOUR: 1000,
    Frequency.DAY: 548,
    Frequency.WEEK: 78,
    Frequency.MONTH: 18,
}
MAX_COUNT = 2**31 - 1

FrequencyWord = Annotated[Frequency, BeforeValidator(word_reader(Frequency))]


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


class Recurrence(WireModel):
    """Without `count` and `end_time` endless; with both, whichever is reached first."""

    frequency: FrequencyWord
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)] | None = None
    end_time: Instant | None = None
    interval: Annotated[int, Field(strict=True)] = 1

    _check_interval = field_validator("interval")(check_interval)
