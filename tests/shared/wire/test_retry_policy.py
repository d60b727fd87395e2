import pytest

from shared.errors import Fault, InvalidRequestError
from shared.wire.json_types import Json
from shared.wire.model import read
from shared.wire.retry_policy import RetryPolicy


@pytest.mark.parametrize(
    ("interval", "expected"),
    [("00:00:15", "00:00:15"), ("PT1M30S", "00:01:30"), ("548.00:00:00", "548.00:00:00")],
)
def test_retry_interval_is_answered_as_time_span(interval: str, expected: str) -> None:
    policy = read(RetryPolicy, {"retryType": "Fixed", "retryInterval": interval, "retryCount": 20})

    assert policy.document() == {
        "retryType": "fixed", "retryInterval": expected, "retryCount": 20
    }  # fmt: skip


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("retryInterval", "00:00:14", "is 00:00:14; from 00:00:15 to 548.00:00:00 are allowed"),
        ("retryInterval", "P549D", "is 549.00:00:00; from 00:00:15 to 548.00:00:00 are allowed"),
        ("retryCount", 0, "must be greater than or equal to 1"),
        ("retryCount", 21, "must be less than or equal to 20"),
        ("retryCount", "3", "must be an integer"),
        ("retryCount", True, "must be an integer"),
        ("retryType", "exponential", "must be one of none, fixed"),
    ],
)
def test_retry_limits(member: str, value: Json, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(RetryPolicy, {"retryType": "fixed", member: value})

    assert caught.value.faults == (Fault(f"$.{member}", message),)
