import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.actions.echoes import LONGEST, LOOK_AHEAD, MASK, Echoes

PASSWORD = "pä/ss+w \"o'rd <1>&\\100%41"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def with_small_hex(encoded: str) -> str:
    return re.sub("%..", lambda escape: escape[0].lower(), encoded)


def as_dotnet_writes_json(text: str) -> str:
    """Escape like System.Text.Json: all but a few characters, in capitals."""
    units = memoryview(text.encode("utf-16-le")).cast("H")
    return "".join(
        chr(unit) if chr(unit).isascii() and chr(unit).isalnum() else f"\\u{unit:04X}"
        for unit in units
    )


def as_go_writes_json(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


ENCODERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "URL": lambda text: quote(text, safe=""),
    "URL, slash kept": quote,
    "URL, small letters": lambda text: with_small_hex(quote(text, safe="")),
    "URL, encodeURIComponent": lambda text: quote(text, safe="!'()*~-_."),
    "URL, everything": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON of .NET": as_dotnet_writes_json,
    "JSON of Go": as_go_writes_json,
    "HTML": html.escape,
    "HTML, quotes kept": lambda text: html.escape(text, quote=False),
    "HTML of Go": lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    "HTML of PHP": lambda text: html.escape(text).replace("&#x27;", "&#039;"),
    "HTML, ASCII": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "Python": lambda text: repr(text)[1:-1],
    "Python, bytes": lambda text: repr(text.encode())[2:-1],
    "Python, ASCII": lambda text: ascii(text)[1:-1],
    "SQL": lambda text: text.replace("'", "''"),
    "CSV": lambda text: text.replace('"', '""'),
    "base64": lambda text: base64_of(text).rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in mail": lambda text: base64.encodebytes(text.encode()).decode().strip("\n="),
    "UTF-8 read as Latin-1": lambda text: text.encode().decode("latin-1"),
    "Latin-1 read as UTF-8": lambda text: re.sub(r"[^\0-\x7f]", "\ufffd", text),
    "ASCII": lambda text: text.encode("ascii", "replace").decode(),
    "UTF-16 as UTF-8": "\0".join,
    "UTF-16 as UTF-8, readable": "\ufffd".join,
}
EVERY_ENCODER = st.sampled_from(list(ENCODERS.values()))
# Without asterisks, so that masks can be told from what is around them.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="*")
TELLING_CHARACTERS = st.sampled_from("aB3/+ \"'<>&\\%é€😀=_-\t;u41x#n")
SECRETS = st.text(TELLING_CHARACTERS | CHARACTERS, min_size=4, max_size=24)
SURROUNDINGS = st.text(CHARACTERS, max_size=12)


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_p8_a_password_is_masked_in_whatever_form_it_comes_back(
    encoder: Callable[[str], str],
) -> None:
    text = f"before: {encoder(PASSWORD)}, after"

    assert Echoes(PASSWORD).cut(text, len(text)) == f"before: {MASK}, after"


@given(SECRETS, EVERY_ENCODER, SURROUNDINGS, SURROUNDINGS)
def test_p8_no_encoded_password_is_left(
    password: str, encoder: Callable[[str], str], before: str, after: str
) -> None:
    encoded = encoder(password)
    text = before + encoded + after

    kept = Echoes(password).cut(text, len(text))

    assert all(encoded not in part for part in kept.split(MASK))


@pytest.mark.parametrize("outer", ["JSON", "JSON of .NET", "HTML", "URL", "Python"])
@pytest.mark.parametrize("inner", ["JSON", "JSON of .NET", "HTML", "URL", "Python"])
def test_p8_a_password_escaped_twice_is_masked(inner: str, outer: str) -> None:
    password = "pä/ss+w \"o'rd <1>&"
    text = f"before: {ENCODERS[outer](ENCODERS[inner](password))}, after"

    assert Echoes(password).cut(text, len(text)) == f"before: {MASK}, after"


@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7))
def test_p8_no_base64_of_what_holds_a_password_is_left(
    password: str, before: bytes, after: bytes
) -> None:
    text = base64.b64encode(before + password.encode() + after).decode()

    kept = Echoes(password).cut(text, len(text))

    digits = len(password.encode()) * 8 // 6
    assert len(kept.replace(MASK, "")) <= len(text) - digits


def test_p8_the_authorization_header_in_base64_is_masked() -> None:
    credentials = base64_of("user:p@ssw0rd").rstrip("=")
    text = base64_of(f"POST / HTTP/1.1\r\nAuthorization: Basic {credentials}\r\n")

    kept = Echoes("p@ssw0rd", credentials).cut(text, len(text))

    assert base64_of("POST / HTTP/1.1\r\nAuthorization: ")[:-4] in kept
    assert base64_of(credentials)[4:12] not in kept


@given(SECRETS, EVERY_ENCODER, st.data())
def test_p8_a_password_that_the_target_cuts_is_masked(
    password: str, encoder: Callable[[str], str], data: st.DataObject
) -> None:
    encoded = encoder(password)
    # Python escapes quotation marks only in texts with both of them.
    four = max(len(encoder(password[:4])) + 4, len("base64"))
    text = encoded[: data.draw(st.integers(four, max(four, len(encoded))))]

    assert Echoes(password).cut(text, len(text)) == MASK


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
        ("dXNlcjpzM2NyZXQ s3cre", 20, "*** ***"),
    ],
)
def test_p8_a_secret_is_masked_even_where_the_text_is_cut(text: str, limit: int, cut: str) -> None:
    assert Echoes("s3cret", "dXNlcjpzM2NyZXQ").cut(text, limit) == cut


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dXNlcjpzM2N... and more", "***... and more"),
        ("X: dXNlcjpzM2N\r\nY: z\r\n", "X: ***\r\nY: z\r\n"),
        ("dXNlcjp... and more", "dXNlcjp... and more"),
        ("the dXNl", "the ***"),
        ("the dXNl\r\n", "the ***\r\n"),
        ("the dX", "the dX"),
        ("s3c", "***"),
        ("s3%6", "s3%6"),
        ("s3c%7", "***"),
        ("s3c is no secret", "s3c is no secret"),
    ],
)
def test_p8_the_beginning_of_a_secret_is_masked_where_it_tells(text: str, told: str) -> None:
    assert Echoes("s3cret", "dXNlcjpzM2NyZXQ").cut(text, len(text)) == told


def test_p8_of_a_long_secret_all_is_masked() -> None:
    secret = "".join(map(chr, range(0x4E00, 0x4E00 + 2 * LONGEST)))

    assert Echoes(secret).cut(f"a {secret} b", 3 * LONGEST) == f"a {MASK}"
    assert Echoes(secret[:LONGEST]).cut(f"a {secret[:LONGEST]} b", 3 * LONGEST) == f"a {MASK} b"


def test_p8_secrets_that_overlap_are_masked_together() -> None:
    assert Echoes("abcab").cut("abcabcab!", 9) == "***!"
    assert Echoes("abcd", "cdef").cut("-abcdef-", 8) == "-***-"
    assert Echoes("aaaa").cut("aaaaaaa", 7) == "***"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a cab at pa", "*** cab at pa"),
        ("password=a&b", "password=***&b"),
        ('{"p":"a"}', '{"p":"***"}'),
        ("lines\\na\\n", "lines\\n***\\n"),
        ("(%61)", "(***)"),
        ("YQ==", "***=="),
    ],
)
def test_p8_a_short_secret_is_masked_where_it_stands_alone(text: str, told: str) -> None:
    assert Echoes("a").cut(text, len(text)) == told


@given(st.text(CHARACTERS, min_size=1, max_size=3), EVERY_ENCODER)
def test_p8_no_short_encoded_password_is_left_alone(
    password: str, encoder: Callable[[str], str]
) -> None:
    text = f"*{encoder(password)}*"

    assert Echoes(password).cut(text, len(text)) == f"*{MASK}*"


def test_an_empty_secret_masks_nothing() -> None:
    assert Echoes("", "").cut("text", 4) == "text"


@given(
    st.text("QZ7%\\&", min_size=4),
    st.text("abc ,.:/<>()[]{}\r\n\0é€", max_size=60),
    st.integers(0, 60),
)
def test_text_without_a_secret_is_only_cut(secret: str, text: str, limit: int) -> None:
    assert Echoes(f"Q{secret}").cut(text, limit) == text[:limit]


def test_ordinary_answers_are_left_as_they_are() -> None:
    text = 'HTTP/1.1 200 OK {"user": "pass", "word": "p%C3%A4ssw%20", "a": "&lt;b&gt;\\n"} 100%'

    assert Echoes(PASSWORD, base64_of(f"user:{PASSWORD}")).cut(text, len(text)) == text


@given(SECRETS, EVERY_ENCODER)
def test_p8_the_look_ahead_tells_of_a_secret_at_the_cut(
    password: str, encoder: Callable[[str], str]
) -> None:
    known = f"*{encoder(password)}".encode()[: 2 + LOOK_AHEAD].decode(errors="ignore")

    assert Echoes(password).cut(known, 2) == f"*{MASK}"
