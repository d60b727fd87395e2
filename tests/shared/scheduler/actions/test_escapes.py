import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.actions.escapes import escapes_in, unescaped, whole_until


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("%2f", "/"),
        ("%u20AC", "€"),
        (r"\x2F", "/"),
        (r"\u20ac", "€"),
        (r"\u{1F600}", "😀"),
        (r"\U0001f600", "😀"),
        (r"\303", "\xc3"),
        (r"\n", "\n"),
        (r"\0", "\0"),
        (r"\/", "/"),
        (r"\g", "g"),
        ("\\\n", "\n"),
        ("&#x27;", "'"),
        ("&#X27;", "'"),
        ("&#039;", "'"),
        ("&#133;", "\x85"),
        ("&quot;", '"'),
        ("&NewLine;", "\n"),
        ("''", "'"),
        ('""', '"'),
    ],
)
def test_an_escape_is_one_character(text: str, character: str) -> None:
    assert escapes_in(text)[0] == (len(text), character)
    assert unescaped(f"a{text}b", escapes_in(f"a{text}b")) == (
        f"a{character}b",
        [0, 1, len(text) + 1, len(text) + 2],
    )


@pytest.mark.parametrize(
    "text",
    ["", "%", "%4", "%4g", "100 %", "&amp", "&nosuch;", "&#;", "&#9999999;", "&acE;", "\\", "'\""],
)
def test_what_is_no_escape_stays(text: str) -> None:
    assert not escapes_in(text)


def test_escapes_may_overlap_and_the_first_is_undone() -> None:
    escapes = escapes_in(r"\\u0041")

    assert escapes == {0: (2, "\\"), 1: (7, "A")}
    assert unescaped(r"\\u0041", escapes) == (r"\u0041", [0, 2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize(
    "torn",
    [
        "%",
        "%4",
        "%u004",
        "\\",
        "\\x4",
        "\\u",
        "\\u00e",
        "\\U0001f60",
        "\\u{1f",
        "\\30",
        "&",
        "&#x2",
    ],
)
def test_an_escape_that_the_end_cuts_begins_where_the_whole_ends(torn: str) -> None:
    assert whole_until(f"x{'é' * 50}{torn}") == 51
    assert whole_until(f"{torn} x") == len(torn) + 2


@given(st.text("%\\&#;x27uU41{}'\"0anbsp"))
def test_unescaped_text_knows_where_it_was(text: str) -> None:
    inner, places = unescaped(text, escapes_in(text))

    assert len(places) == len(inner) + 1
    assert places == sorted(set(places))
    assert places[-1] == len(text)
    for place, character in zip(places, inner, strict=False):
        assert character == text[place] or escapes_in(text)[place][1] == character


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_escaped_as_json_is_undone(text: str) -> None:
    written = json.dumps(text, ensure_ascii=False)[1:-1].replace("%", "%25").replace("&", "%26")
    written = written.replace("'", "%27")

    assert unescaped(written, escapes_in(written))[0] == text
