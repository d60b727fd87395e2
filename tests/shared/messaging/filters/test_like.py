"""`LIKE` patterns, by examples and against a slow matcher that is plainly right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.filters.like import compile_pattern

FEW = st.text(alphabet="ab%_!\n", max_size=8)


def is_like(text: str, pattern: str, escape: str = "") -> bool | None:
    matches = compile_pattern(pattern, escape)
    return None if matches is None else matches(text)


@pytest.mark.parametrize(
    ("pattern", "escape", "alike", "unlike"),
    [
        ("bus", "", ["bus"], ["Bus", "buses", "a bus", ""]),
        ("%bus%", "", ["bus", "buses", "a bus", "b bus\nstop"], ["us", "b%us"]),
        ("abc-%", "", ["abc-", "abc-1"], ["abc", "xabc-"]),
        ("%", "", ["", "a", "\n"], []),
        ("%%", "", ["", "a"], []),
        ("_", "", ["a", "\n", "𝄞"], ["", "ab"]),
        ("a_%c", "", ["abc", "a\nxc"], ["ac", "abcd"]),
        ("%ab%ab", "", ["abab", "ab-ab", "ababab"], ["ab", "aab", "abba"]),
        ("a%a", "", ["aa", "aba"], ["a", "ab"]),
        (r"ABC\%", "\\", ["ABC%"], ["ABC", "ABCD"]),
        ("50!%!_!!", "!", ["50%_!"], ["50%%!", "50%_"]),
        ("!a", "!", ["a"], ["!a"]),
        ("a.*[b]", "", ["a.*[b]"], ["axxb"]),
        ("%%%", "%", [], ["", "%", "a"]),
    ],
)
def test_patterns(pattern: str, escape: str, alike: list[str], unlike: list[str]) -> None:
    assert [text for text in alike if not is_like(text, pattern, escape)] == []
    assert [text for text in unlike if is_like(text, pattern, escape)] == []


def test_an_escape_character_with_nothing_behind_it_makes_no_pattern() -> None:
    assert is_like("a!", "a!", "!") is None
    assert is_like("a!", "a!!", "!") is True


def test_a_pattern_of_a_thousand_characters_is_matched_in_no_time() -> None:
    # A regular expression would look at each way to cut the text into 300 pieces.
    assert is_like("ab" * 30_000, "%a_" * 300 + "%c") is False


@given(FEW, FEW, st.sampled_from(["", "!", "%", "a"]))
def test_a_text_is_like_what_the_slow_matcher_says(text: str, pattern: str, escape: str) -> None:
    units = split(pattern, escape)

    assert is_like(text, pattern, escape) is (None if units is None else slow(text, units))


def split(pattern: str, escape: str) -> list[str] | None:
    """Return `%` and `_` for themselves, and what is to be found as it is with a `=` before it."""
    units = []
    while pattern:
        one, pattern = pattern[0], pattern[1:]
        if one == escape:
            if not pattern:
                return None
            one, pattern = f"={pattern[0]}", pattern[1:]
        units.append(one if one in ("%", "_") or len(one) == 2 else f"={one}")
    return units


def slow(text: str, units: list[str]) -> bool:
    if not units:
        return not text
    if units[0] == "%":
        return any(slow(text[start:], units[1:]) for start in range(len(text) + 1))
    is_there = bool(text) and units[0] in ("_", f"={text[0]}")
    return is_there and slow(text[1:], units[1:])
