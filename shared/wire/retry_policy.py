"""How often a failed action is tried again."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shared.wire.model import WireModel
from shared.wire.times import Duration, format_time_span
from shared.wire.words import word_reader

MIN_RETRY_INTERVAL = timedelta(seconds=15)
MAX_RETRY_INTERVAL = timedelta(days=548)  # 18 months


class RetryType(StrEnum):
    NONE = "none"
    FIXED = "fixed"


def _check_retry_interval(interval: timedelta) -> timedelta:
    if not MIN_RETRY_INTERVAL <= interval <= MAX_RETRY_INTERVAL:
        raise PydanticCustomError(
            "retry_interval",
            "is {interval}; from {least} to {most} are allowed",
            {
                "interval": format_time_span(interval),
                "least": format_time_span(MIN_RETRY_INTERVAL),
                "most": format_time_span(MAX_RETRY_INTERVAL),
            },
        )
    return interval


class RetryPolicy(WireModel):
    """Absent members mean the defaults of the engine: 4 times, 30 s apart, or what the plan allows at least."""

    retry_type: Annotated[RetryType, BeforeValidator(word_reader(RetryType))]
    retry_interval: Annotated[Duration, AfterValidator(_check_retry_interval)] | None = None
    retry_count: Annotated[int, Field(strict=True, ge=1, le=20)] | None = None
