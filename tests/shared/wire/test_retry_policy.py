import pytest
from pydantic import ValidationError

from shared.errors import Fault, InvalidRequestError
from shared.wire.json_types import Json, JsonObject
from shared.wire.model import PARTIAL, read, validated
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
        ("retryCount", -1, "is -1; from 0 to 20 are allowed"),
        ("retryCount", 21, "is 21; from 0 to 20 are allowed"),
        ("retryCount", "3", "must be an integer"),
        ("retryCount", True, "must be an integer"),
        ("retryType", "exponential", "must be one of none, fixed"),
    ],
)
def test_retry_limits(member: str, value: Json, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(RetryPolicy, {"retryType": "fixed", member: value})

    assert caught.value.faults == (Fault(f"$.{member}", message),)


@pytest.mark.parametrize(
    "policy",
    [
        {"retryType": "none", "retryInterval": "00:00:00", "retryCount": 0},
        {"retryType": "none", "retryInterval": "1000.00:00:00", "retryCount": -21},
        {"retryType": "fixed", "retryInterval": "00:00:15", "retryCount": 0},
    ],
)
def test_policies_without_retries_are_kept_as_they_are(policy: JsonObject) -> None:
    assert read(RetryPolicy, policy).document() == policy


def test_beside_none_an_interval_is_still_a_duration() -> None:
    with pytest.raises(InvalidRequestError, match="must be a duration"):
        read(RetryPolicy, {"retryType": "none", "retryInterval": "soon"})


def test_without_a_type_the_range_holds_but_in_a_patch() -> None:
    document: JsonObject = {"retryInterval": "00:00:00", "retryCount": 21}

    with pytest.raises(InvalidRequestError) as caught:
        read(RetryPolicy, document)
    with pytest.raises(ValidationError) as partial:
        validated(RetryPolicy, document, context=PARTIAL)

    assert len(caught.value.faults) == 3
    assert [error["type"] for error in partial.value.errors()] == ["missing"]
