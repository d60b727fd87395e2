from datetime import timedelta
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.wire.preferences import LONGEST_WAIT, preferred_wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("wait=0", 0),
        ("wait=20", 20),
        ("wait=21", 20),
        (f"wait={'9' * 5000}", 20),
        ("wait=007", 7),
        ("Wait = 5", 5),
        ('wait="5"', 5),
        ("wait=5; log=off", 5),
        ("respond-async, wait=10", 10),
        ("respond-async , wait=10 , return=minimal", 10),
        ("wait=3, wait=9", 3),
        ('note="a, wait=9", wait=4', 4),
        (r'note="a \" , wait=9", wait=4', 4),
    ],
)
def test_a_wait_is_seconds_and_at_most_twenty(header: str, seconds: int) -> None:
    assert preferred_wait(header) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "header",
    ["", "wait", "wait=", "wait=-1", "wait=1.5", "wait=1e1", "wait=five", "wait=٣", "await=5"]
    + ["respond-async", "wait=x, wait=5", 'wait="5', 'wait=5"', 'note="wait=5"', ",;=", '"'],
)
def test_p10_what_is_no_wait_is_ignored(header: str) -> None:
    assert preferred_wait(header) is None


@given(st.text(max_size=60) | st.text(alphabet='wait=;," \\0159', max_size=40))
def test_p10_any_header_is_read(header: str) -> None:
    wait = preferred_wait(header)

    assert wait is None or timedelta(0) <= wait <= LONGEST_WAIT


@pytest.mark.parametrize("header", ['"' * 30_001, '"a' * 15_001, '"\\' * 15_001, '"\\"' * 10_001])
def test_p12_a_quote_that_is_not_closed_costs_no_more_than_its_length(header: str) -> None:
    """Looking for its end at each character after it took eight seconds of CPU for the longest header."""
    before = process_time()

    assert preferred_wait(header) is None
    assert process_time() - before < 1
