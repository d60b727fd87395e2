"""How often a failed action is tried again."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.wire.model import PARTIAL, WireModel
from shared.wire.times import Duration, format_time_span
from shared.wire.words import word_reader

MIN_RETRY_INTERVAL = timedelta(seconds=15)
MAX_RETRY_INTERVAL = timedelta(days=548)  # 18 months
MAX_RETRY_COUNT = 20


class RetryType(StrEnum):
    NONE = "none"
    FIXED = "fixed"


def _is_meant(info: ValidationInfo) -> bool:
    """Whether interval and count say anything: not beside `none`, and in a patch only once the type is known."""
    retry_type = info.data.get("retry_type")
    if retry_type is None:
        return info.context != PARTIAL
    return retry_type is not RetryType.NONE


def _check_interval(interval: timedelta) -> None:
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


def _check_count(count: int) -> None:
    if not 0 <= count <= MAX_RETRY_COUNT:
        raise PydanticCustomError(
            "retry_count",
            "is {count}; from 0 to {most} are allowed",
            {"count": count, "most": MAX_RETRY_COUNT},
        )


class RetryPolicy(WireModel):
    """Absent members mean the defaults of the engine: 4 times, 30 s apart, or what the plan allows at least.

    With `none` interval and count mean nothing and are kept as they are; a count of 0 means no retries.
    """

    retry_type: Annotated[RetryType, BeforeValidator(word_reader(RetryType))]
    retry_interval: Duration | None = None
    retry_count: Annotated[int, Field(strict=True)] | None = None

    @field_validator("retry_interval")
    @classmethod
    def _check_retry_interval(
        cls, interval: timedelta | None, info: ValidationInfo
    ) -> timedelta | None:
        if interval is not None and _is_meant(info):
            _check_interval(interval)
        return interval

    @field_validator("retry_count")
    @classmethod
    def _check_retry_count(cls, count: int | None, info: ValidationInfo) -> int | None:
        if count is not None and _is_meant(info):
            _check_count(count)
        return count
