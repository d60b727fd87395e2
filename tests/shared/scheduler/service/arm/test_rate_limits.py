from datetime import timedelta

from shared.scheduler.service.arm.rate_limits import (
    ALLOWED,
    HOUR,
    MAX_WINDOWS,
    MINUTE,
    Counter,
    RateLimits,
)
from tests.clocks import START


def test_what_is_left_goes_down_with_every_request_of_a_subscription() -> None:
    limits = RateLimits()

    counted = [limits.count("a", Counter.READS, now=START) for _ in range(3)]

    assert counted == [14999, 14998, 14997]
    assert limits.count("b", Counter.READS, now=START) == 14999
    assert limits.count("a", Counter.WRITES, now=START) == 1199


def test_a_window_ends_with_its_length_and_the_next_one_is_whole() -> None:
    limits = RateLimits()
    for counter, length in ((Counter.BURST_READS, MINUTE), (Counter.READS, HOUR)):
        limits.count("a", counter, now=START)

        just_before = limits.count("a", counter, now=START + length - timedelta(microseconds=1))
        then = limits.count("a", counter, now=START + length)

        most, _ = ALLOWED[counter]
        assert (just_before, then) == (most - 2, most - 1)


def test_more_than_is_allowed_leaves_nothing() -> None:
    limits = RateLimits()

    counted = [limits.count("a", Counter.BURST_WRITES, now=START) for _ in range(62)]

    assert counted[-3:] == [0, 0, 0]


def test_a_clock_that_was_set_back_begins_anew() -> None:
    limits = RateLimits()
    limits.count("a", Counter.READS, now=START)

    assert limits.count("a", Counter.READS, now=START - timedelta(days=1)) == 14999


def test_memory_is_bounded_whoever_asks() -> None:
    limits = RateLimits()
    for number in range(MAX_WINDOWS):
        limits.count(str(number), Counter.BURST_READS, now=START)
    limits.count("0", Counter.BURST_READS, now=START)

    limits.count("one more", Counter.READS, now=START)

    assert limits.count("0", Counter.BURST_READS, now=START) == 299
    for number in range(MAX_WINDOWS):
        limits.count(str(number), Counter.BURST_READS, now=START)
    # Room is made by what has ended, where there is such.
    limits.count("late", Counter.BURST_READS, now=START + MINUTE)
    assert limits.count("one more", Counter.READS, now=START + MINUTE) >= 14998
