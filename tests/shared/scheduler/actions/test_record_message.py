import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import NoAnswer
from shared.scheduler.actions.echoes import Echoes
from shared.scheduler.actions.record_message import (
    BODY_BYTES,
    CHARSETS,
    HEADER_CHARACTERS,
    failure_message,
    response_message,
)

NO_ECHOES = Echoes()

# What www.bing.com sent on 17 July 2015, and how the retired service recorded it (cookies and page shortened).
BING_LINES = [
    (b"Cache-Control", b"private, max-age=0"),
    (b"Content-Type", b"text/html; charset=utf-8"),
    (b"Expires", b"Fri, 17 Jul 2015 19:07:00 GMT"),
    (b"P3P", b'CP="NON UNI COM NAV STA LOC CURa DEVa PSAa PSDa OUR IND"'),
    (b"Set-Cookie", b"_FS=NU=1; domain=.bing.com; path=/"),
    (b"Set-Cookie", b"_SS=SID=C5C8; domain=.bing.com; path=/"),
    (b"Server", b"Microsoft-IIS/8.5"),
    (b"set-cookie", b"_EDGE_V=1; path=/; httponly"),
    (b"Date", b"Fri, 17 Jul 2015 19:08:00 GMT"),
    (b"Content-Length", b"44"),
]
BING_RECORD = (
    "Http Action - Response from host 'www.bing.com': 'OK' Response Headers: "
    "Cache-Control: private, max-age=0\r\n"
    'P3P: CP="NON UNI COM NAV STA LOC CURa DEVa PSAa PSDa OUR IND"\r\n'
    "Set-Cookie: _FS=NU=1; domain=.bing.com; path=/, _SS=SID=C5C8; domain=.bing.com; path=/,"
    " _EDGE_V=1; path=/; httponly\r\n"
    "Server: Microsoft-IIS/8.5\r\n"
    "Date: Fri, 17 Jul 2015 19:08:00 GMT\r\n"
    ' Body: <!DOCTYPE html><html lang="en" xml:lang="en">'
)


def body_of(message: str) -> str:
    return message.partition(" Body: ")[2]


def body_message(
    body: bytes, content_type: bytes = b"text/plain", echoes: Echoes = NO_ECHOES
) -> str:
    message = response_message("h", 200, [(b"Content-Type", content_type)], body, echoes)
    return body_of(message)


def test_a_response_is_told_as_recorded() -> None:
    body = b'<!DOCTYPE html><html lang="en" xml:lang="en">'

    assert response_message("www.bing.com", 200, BING_LINES, body, NO_ECHOES) == BING_RECORD


def test_a_bare_response_keeps_the_form() -> None:
    expected = "Http Action - Response from host 'h': 'NoContent' Response Headers:  Body: "

    assert response_message("h", 204, [], b"", NO_ECHOES) == expected


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (200, "OK"),
        (202, "Accepted"),
        (302, "Found"),
        (404, "NotFound"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
        (429, "429"),
        (299, "299"),
        (999, "999"),
    ],
)
def test_a_status_is_told_as_dotnet_4_names_it(status: int, name: str) -> None:
    message = response_message("h", status, [], b"", NO_ECHOES)

    assert message.startswith(f"Http Action - Response from host 'h': '{name}' ")


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("Grüße €".encode(), b"text/plain", "Grüße €"),
        ("Grüße €".encode("cp1252"), b"text/plain; charset=Windows-1252", "Grüße €"),
        ("日本".encode("shift_jis"), b'text/html;charset="Shift_JIS"', "日本"),
        ("日本".encode("utf-16"), b"text/html; charset=utf-16", "日本"),
        ("日本".encode("utf-16be"), b"text/html; charset=UTF-16BE", "日本"),
        ("é".encode("utf-8-sig"), b"text/html; charset=us-ascii", "é"),
        (b"\xff\xfe\x00", b"application/octet-stream", "\ufffd\ufffd\ufffd"),
        (b"a\x00b", b"text/plain", "a\ufffdb"),
        (b"ab\xc3", b"text/plain", "ab\ufffd"),
        (b"abc", b"text/plain; charset=hex", "abc"),
        (b"+2AA-", b"text/plain; charset=utf-7", "+2AA-"),
        (b"abc", b"text/plain; charset=\xff\xfe", "abc"),
        (b"abc", b";;charset", "abc"),
    ],
)
def test_a_body_is_told_as_text(body: bytes, content_type: bytes, text: str) -> None:
    assert body_message(body, content_type) == text


@pytest.mark.parametrize(
    ("body", "characters"),
    [
        (b"x" * 2048, 2048),
        (b"x" * 2049, 2048),
        (b"x" * 2047 + "é".encode() + b"y", 2047),
        (b"x" * 2046 + "é".encode() + b"y", 2047),
        ("日".encode() * 1000, 682),
    ],
)
def test_a_body_is_told_up_to_2048_bytes_of_whole_characters(body: bytes, characters: int) -> None:
    text = body_message(body)

    assert len(text) == characters
    assert body.decode().startswith(text)


def test_header_lines_end_after_4096_characters() -> None:
    lines = [(b"A", b"x" * 4000), (b"B", b"y" * 4000), (b"C", b"z")]

    message = response_message("h", 200, lines, b"body", NO_ECHOES)

    headers = message.partition("Response Headers: ")[2].partition(" Body: body")[0]
    assert headers == f"A: {'x' * 4000}\r\nB: {'y' * 88}…\r\n"
    assert len(headers) == HEADER_CHARACTERS + 3


def test_p8_secrets_are_masked_in_headers_and_body_also_across_their_ends() -> None:
    lines = [(b"A", b"s3cret"), (b"s3cret", b"x"), (b"B", b"x" * 4068 + b"s3cret" * 9)]
    body = b"s3cret" + b"x" * 2039 + b"s3cret"

    message = response_message("h", 200, lines, body, Echoes("s3cret"))

    assert "s3c" not in message
    assert "A: ***\r\n***: x\r\n" in message
    assert f"{'x' * 9}***…\r\n Body: ***" in message
    assert message.endswith(f"{'x' * 9}***")


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        (
            NoAnswer.NAME_NOT_RESOLVED,
            "NameResolutionFailure The remote name could not be resolved: 'h.example'",
        ),
        (NoAnswer.UNREACHABLE, "ConnectFailure Unable to connect to the remote server"),
    ],
)
def test_a_failure_is_told_as_recorded(kind: NoAnswer, failure: str) -> None:
    message = failure_message("h.example", kind, "why")

    assert message == f"Http Action - Request to host 'h.example' failed: {failure}"


@pytest.mark.parametrize("kind", NoAnswer)
def test_every_failure_has_a_name_of_one_word(kind: NoAnswer) -> None:
    failure = failure_message("{h}", kind, "{why}").partition(" failed: ")[2]

    name, _, text = failure.partition(" ")
    assert name.isalpha()
    assert text


@pytest.mark.parametrize("kind", [NoAnswer.NOT_ALLOWED, NoAnswer.NOT_TRUSTED])
def test_a_failure_that_the_operator_can_mend_says_why(kind: NoAnswer) -> None:
    assert "because {of} this" in failure_message("h", kind, "because {of} this")


def test_p9_a_refused_address_names_the_setting_that_opens_it() -> None:
    assert "TOCSIN_ALLOWED_NETWORKS" in failure_message("h", NoAnswer.NOT_ALLOWED, "why")


@given(
    st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=900)), max_size=20),
    st.binary(max_size=5000),
    st.sampled_from(sorted(CHARSETS)),
)
def test_p10_any_response_becomes_text_that_can_be_stored_and_is_bounded(
    lines: list[tuple[bytes, bytes]], body: bytes, charset: str
) -> None:
    typed = [*lines, (b"Content-Type", b"text/plain; charset=" + charset.encode())]

    message = response_message("h" * 253, 200, typed, body, NO_ECHOES)

    assert json.loads(json.dumps(message).encode()) == message
    assert "\0" not in message
    assert message.encode()
    assert len(message) <= HEADER_CHARACTERS + BODY_BYTES + 400
