from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connector.request_rate import RequestRate
from shared.errors import TooManyRequestsError
from tests.clocks import START


def taken(rate: RequestRate, *, seconds: float, most: int = 10_000) -> int:
    """How many requests are taken at this instant."""
    now = START + timedelta(seconds=seconds)
    for count in range(most):
        try:
            rate.take(now=now)
        except TooManyRequestsError:
            return count
    return most


def test_a_burst_may_have_what_a_second_has() -> None:
    rate = RequestRate(5)

    assert taken(rate, seconds=0) == 5
    assert taken(rate, seconds=0.2) == 1
    assert taken(rate, seconds=0.3) == 0
    assert taken(rate, seconds=100) == 5


def test_who_is_refused_is_told_when_to_come_again() -> None:
    rate = RequestRate(4)
    taken(rate, seconds=0)

    with pytest.raises(TooManyRequestsError, match="4 requests a second") as caught:
        rate.take(now=START)

    assert caught.value.status == 429
    assert caught.value.retry_after == timedelta(seconds=0.25)
    assert taken(rate, seconds=0.25) == 1


def test_a_clock_that_is_set_back_gives_nothing_and_stops_nobody_for_long() -> None:
    rate = RequestRate(2)
    taken(rate, seconds=0)

    assert taken(rate, seconds=-3600) == 0
    assert taken(rate, seconds=-3599.5) == 1


@given(
    per_second=st.integers(1, 20),
    steps=st.lists(st.tuples(st.floats(0, 3), st.integers(0, 60)), max_size=20),
)
def test_no_stretch_has_more_than_its_seconds_and_one_burst_allow(
    per_second: int, steps: list[tuple[float, int]]
) -> None:
    rate = RequestRate(per_second)
    elapsed, total = 0.0, 0
    for wait, wanted in steps:
        elapsed += wait
        total += taken(rate, seconds=elapsed, most=wanted)

        assert total <= per_second * (elapsed + 1) + 1e-3
