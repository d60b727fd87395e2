import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.trace_context import passed_on

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"
OURS = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@pytest.mark.parametrize("flags", ["00", "01", "02", "ff"])
def test_a_valid_one_is_passed_on_as_it_is(flags: str) -> None:
    valid = f"00-{TRACE}-{PARENT}-{flags}"

    assert passed_on(valid) == valid


@pytest.mark.parametrize(
    "later",
    [
        f"01-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-03-what-comes-then",
        f"fe-{TRACE}-{PARENT}-ff-",
    ],
)
def test_one_of_a_later_version_is_passed_on_as_ours_says_it(later: str) -> None:
    assert passed_on(later) == GIVEN


def test_a_later_version_that_is_not_sampled_stays_so() -> None:
    assert passed_on(f"01-{TRACE}-{PARENT}-02") == f"00-{TRACE}-{PARENT}-00"


@pytest.mark.parametrize(
    "invalid",
    [
        None,
        "",
        "nonsense",
        GIVEN.upper(),
        f" {GIVEN}",
        f"{GIVEN}\n",
        f"{GIVEN}-",
        f"{GIVEN}, {GIVEN}",
        GIVEN[:-1],
        f"ff-{TRACE}-{PARENT}-01",
        f"01-{TRACE}-{PARENT}-01x",
        f"0-{TRACE}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-0",
        f"00-{TRACE}-{PARENT}-0x",
        GIVEN.replace("4", "\u0664"),
        f"00_{TRACE}_{PARENT}_01",
    ],
)
def test_an_invalid_one_counts_as_none(invalid: str | None) -> None:
    assert passed_on(invalid) is None


@given(st.from_regex("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"))
@example("ff-" + GIVEN)
def test_law_what_is_passed_on_is_of_our_version_and_passed_on_unchanged(text: str) -> None:
    found = passed_on(text)

    if found is not None:
        assert OURS.fullmatch(found)
        assert passed_on(found) == found
