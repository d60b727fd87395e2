from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.rate_limit import RateLimit, rate_limit_of

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def limit(per_second: int) -> RateLimit:
    return RateLimit(timedelta(seconds=1) / per_second)


@pytest.mark.parametrize(
    ("per_second", "per_minute", "interval"),
    [(10, None, 0.1), (None, 30, 2.0), (10, 30, 2.0), (1, 120, 1.0)],
)
def test_of_two_limits_the_slower_counts(
    per_second: int | None, per_minute: int | None, interval: float
) -> None:
    found = rate_limit_of(per_second=per_second, per_minute=per_minute)

    assert found == RateLimit(timedelta(seconds=interval))


def test_without_limits_there_is_none() -> None:
    assert rate_limit_of(per_second=None, per_minute=None) is None


def test_a_full_bucket_holds_a_second_and_at_least_one() -> None:
    assert limit(10).tokens(None, NOW) == 10
    assert RateLimit(timedelta(seconds=2)).tokens(None, NOW) == 1


def test_what_is_taken_comes_back_one_by_one() -> None:
    full_at = limit(10).take(None, NOW, count=10)

    found = [limit(10).tokens(full_at, NOW + timedelta(milliseconds=wait)) for wait in (0, 99, 100)]
    assert found == [0, 0, 1]


@given(st.integers(1, 1000), st.lists(st.integers(0, 3_000_000), max_size=30))
def test_no_more_is_sent_than_the_rate_and_one_bucket(per_second: int, waits: list[int]) -> None:
    rate, full_at, now, sent = limit(per_second), None, NOW, 0

    for wait in waits:
        now += timedelta(microseconds=wait)
        if count := rate.tokens(full_at, now):
            full_at = rate.take(full_at, now, count=count)
            sent += count

    assert sent <= per_second * ((now - NOW).total_seconds() + 1) + 1


@given(st.integers(1, 10_000))
def test_who_comes_back_when_told_finds_a_token(per_second: int) -> None:
    rate = limit(per_second)
    full_at = rate.take(None, NOW, count=rate.tokens(None, NOW))

    assert NOW < rate.refilled_at(full_at, NOW) <= NOW + timedelta(seconds=1)
    assert rate.tokens(full_at, rate.refilled_at(full_at, NOW)) >= max(1, per_second // 5)


def test_a_clock_that_is_set_back_holds_nobody_up_for_longer() -> None:
    full_at = limit(10).take(None, NOW, count=1)
    earlier = NOW - timedelta(hours=1)

    assert limit(10).tokens(full_at, earlier) == 0
    assert limit(10).refilled_at(full_at, earlier) == earlier + timedelta(seconds=0.25)
