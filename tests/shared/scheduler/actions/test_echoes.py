import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.actions.echoes import MASK, Echoes

PASSWORD = 'pä/ss "w<o>rd" 100%'


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        quote(PASSWORD, safe=""),
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        json.dumps(PASSWORD)[1:-1].replace("/", "\\/"),
        html.escape(PASSWORD),
    ],
)
def test_p8_a_secret_is_masked_in_whatever_form_it_comes_back(form: str) -> None:
    text = f"before {form} after"

    assert Echoes(PASSWORD).cut(text, len(text)) == f"before {MASK} after"


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("nothing", 100, "nothing"),
        ("nothing", 3, "not"),
        ("", 0, ""),
        ("s3cret", 6, "***"),
        ("s3crets3cret", 12, "***"),
        ("a s3cret", 3, "a ***"),
        ("a s3cret b", 2, "a "),
        ("s3cret and more", 8, "*** a"),
        ("dXNlcjpzM2NyZXQ s3cre", 20, "*** s3cr"),
    ],
)
def test_p8_a_secret_is_masked_even_where_the_text_is_cut(text: str, limit: int, cut: str) -> None:
    assert Echoes("s3cret", "dXNlcjpzM2NyZXQ").cut(text, limit) == cut


def test_p8_secrets_that_overlap_are_masked_together() -> None:
    assert Echoes("abcab").cut("abcabcab!", 9) == "***!"
    assert Echoes("abc", "cde").cut("-abcde-", 7) == "-***-"
    assert Echoes("aa").cut("aaaaa", 5) == "***"


def test_an_empty_secret_masks_nothing() -> None:
    assert Echoes("", "").cut("text", 4) == "text"
    assert Echoes().longest_bytes == 0


# Without asterisks, so that masks can be told from what is around them.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="*")
SECRETS = st.text(CHARACTERS, min_size=1, max_size=12)
PARTS = st.lists(st.text(CHARACTERS, max_size=9))


@given(st.lists(SECRETS, min_size=1, max_size=3), PARTS, st.integers(0, 60))
def test_p8_no_whole_secret_is_left(secrets: list[str], parts: list[str], limit: int) -> None:
    text = secrets[0].join(parts)

    kept = Echoes(*secrets).cut(text, limit)

    for part in kept.split(MASK):
        assert part in text
        assert not any(secret in part for secret in secrets)


@given(st.text(max_size=40), st.integers(0, 60))
def test_text_without_a_secret_is_only_cut(text: str, limit: int) -> None:
    assert Echoes("\0never").cut(text, limit) == text[:limit]
