"""`tocsin queues`, its output and what a stack makes of it (tests/e2e has the whole way of a command)."""

from typing import Any

import pytest

from shared.cli.queues import lines_of, messages_path
from tests.shared.cli.running_stack import RunningStack

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


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("peek", "nope"), "MessagingEntityNotFound"),
        (("send", "nope", "--body", "x"), "MessagingEntityNotFound"),
        (("send", "commands-ordered", "--body", "x"), "InvalidOperation"),
    ],
)
def test_a_refusal_is_told_by_its_code(
    stack: RunningStack, arguments: tuple[str, ...], code: str
) -> None:
    said = stack.failure("queues", *arguments)

    assert said.startswith(f"{code}: ")
    assert repr(arguments[1]) in said


def test_an_answer_may_be_asked_for(stack: RunningStack) -> None:
    names = ("--reply-to", "replies", "--correlation-id", "order-7")

    stack.run("queues", "send", "rejected", "--body", "look", *names)

    peeked = stack.run("queues", "peek", "rejected").stdout
    assert "  correlation id: order-7\n  reply to: replies\n  look\n" in peeked
