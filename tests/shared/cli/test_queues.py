"""`tocsin queues` towards a host that answers what the local host's /admin answers (tests/e2e has the real one)."""

from typing import Any

import pytest

from shared.cli.host_client import Answer
from shared.cli.queues import check, lines_of, messages_path
from shared.errors import NotFoundError, PermanentError

MESSAGE: dict[str, Any] = {
    "sequenceNumber": 7,
    "enqueuedTime": "2026-01-01T12:00:00+00:00",
    "messageId": "m1",
    "applicationProperties": {"DeadLetterReason": "BadRequest"},
    "body": "hello",
}


def test_a_message_is_shown_with_all_that_is_known_of_it() -> None:
    assert list(lines_of(MESSAGE)) == [
        "#7  enqueued 2026-01-01T12:00:00+00:00",
        "  id: m1",
        "  DeadLetterReason: BadRequest",
        "  hello",
    ]


def test_a_body_that_is_no_text_is_shown_as_base64() -> None:
    message = {name: value for name, value in MESSAGE.items() if name != "body"}

    assert list(lines_of({**message, "bodyBase64": "/w=="}))[-1] == "  /w=="


def test_control_characters_of_a_body_do_not_reach_the_terminal() -> None:
    shown = list(lines_of({**MESSAGE, "body": "\x1b]0;owned\x07\r\n", "messageId": "\x1b[2J"}))

    assert all(line.isprintable() for line in shown)
    assert shown[-1] == r"  \x1b]0;owned\x07\r\n"


def test_a_queues_name_is_one_segment_of_the_path() -> None:
    assert messages_path("a/b?c") == "/admin/queues/a%2Fb%3Fc/messages"


def test_a_missing_queue_is_named() -> None:
    with pytest.raises(NotFoundError, match="nope"):
        check(Answer(status=404, headers={}, body=""), "nope")


def test_a_refusal_is_told_with_its_status() -> None:
    with pytest.raises(PermanentError, match="400"):
        check(Answer(status=400, headers={}, body={"error": {}}), "commands")
