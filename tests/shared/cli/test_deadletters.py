"""`tocsin deadletters` on a running stack; those of `rejected` stay for all tests, those of `history` for one."""

import re

import pytest

from tests.shared.cli.running_stack import SECRET, RunningStack

LATER = "2099-01-01T00:00:00Z"
NONE = "999999999999"


def numbers_of(stack: RunningStack, queue: str) -> list[int]:
    letters = stack.document("deadletters", "show", queue)
    return [each["sequenceNumber"] for each in letters]


def test_every_queue_is_listed_with_its_letters_and_their_reasons(stack: RunningStack) -> None:
    lines = stack.run("deadletters", "list").stdout.splitlines()

    (rejected,) = [line.split() for line in lines if line.startswith("rejected")]
    (ordered,) = [line.split() for line in lines if line.startswith("commands-ordered")]
    assert (rejected[1], rejected[3:]) == ("2", ["BadRequest", "(2)"])
    assert ordered[1:] == ["0", "–", "–"]


def test_a_summary_for_machines_names_the_oldest(stack: RunningStack) -> None:
    (summary,) = stack.document("deadletters", "list", "rejected")

    assert (summary["entity"], summary["count"], summary["isComplete"]) == ("rejected", 2, True)
    assert summary["oldestTime"].endswith("Z")


def test_p8_nothing_of_a_letter_reaches_the_terminal_that_could_harm_or_is_secret(
    stack: RunningStack,
) -> None:
    first, second = numbers_of(stack, "rejected")
    shown = [
        stack.run("deadletters", "show", "rejected").stdout,
        stack.run("deadletters", "show", "rejected", "--json").stdout,
        *(
            stack.run("deadletters", "show", "rejected", str(number), *options).stdout
            for number in (first, second)
            for options in ((), ("--json",))
        ),
    ]

    assert SECRET not in "".join(shown)
    assert "".join(shown).replace("\n", "").isprintable()
    assert r"\x1b]0;owned\x07[red]" in shown[0]  # and no markup counts


def test_one_letter_is_shown_with_everything_but_its_secrets(stack: RunningStack) -> None:
    number = numbers_of(stack, "rejected")[0]

    lines = stack.run("deadletters", "show", "rejected", str(number)).stdout.splitlines()

    facts = [re.split(" {2,}", line.strip()) for line in lines]
    assert ["message id", "m1"] in facts
    assert ["reason", "BadRequest"] in facts
    assert '    "p": "***"' in lines


def test_a_page_begins_where_it_is_asked_to(stack: RunningStack) -> None:
    first, second = numbers_of(stack, "rejected")

    shown = stack.document("deadletters", "show", "rejected", "--from", f"{first + 1}")

    assert [each["sequenceNumber"] for each in shown] == [second]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nope"), "nope"),
        (("show", "rejected", NONE), f"rejected has no dead letter {NONE}"),
        (("list", "rejected", "nope"), "nope"),
        (("purge", "rejected", NONE, "--yes"), f"rejected has no such dead letters: {NONE}"),
    ],
)
def test_what_is_not_there_is_told(
    stack: RunningStack, arguments: tuple[str, ...], said: str
) -> None:
    assert said in stack.failure("deadletters", *arguments)


def test_letters_are_removed_only_when_that_is_confirmed(stack: RunningStack) -> None:
    asked = stack.attempt("deadletters", "purge", "rejected", "--all", stdin=b"n\n")

    assert asked.exit_code == 1
    assert "rejected has 2 letters; remove all for good?" in asked.output
    assert len(numbers_of(stack, "rejected")) == 2


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (("1",), "rejected has 2 letters; remove number 1 for good?"),
        (("--older-than", "2020-01-01T00:00:00Z"), None),
        (
            ("--older-than", LATER),
            f"rejected has 2 letters; remove those older than {LATER} for good?",
        ),
    ],
)
def test_the_question_tells_what_would_be_removed(
    stack: RunningStack, chosen: tuple[str, ...], said: str | None
) -> None:
    asked = stack.attempt("deadletters", "purge", "rejected", *chosen, stdin=b"n\n")

    if said is None:
        assert (asked.exit_code, asked.output) == (0, "removed 0 letters of rejected\n")
    else:
        assert said in asked.output
    assert len(numbers_of(stack, "rejected")) == 2


def test_younger_letters_than_asked_for_stay(stack: RunningStack) -> None:
    removed = stack.run("deadletters", "purge", "rejected", "--older-than", "1h")

    assert removed.stdout == "removed 0 letters of rejected\n"
    assert len(numbers_of(stack, "rejected")) == 2


def test_one_letter_is_moved_back_and_then_all_others_part_by_part(stack: RunningStack) -> None:
    first = numbers_of(stack, "history")[0]

    one = stack.run("deadletters", "redrive", "history", str(first))
    others = stack.run("deadletters", "redrive", "history", "--all")

    assert one.stdout == "moved 1 letter back to history\n"
    assert others.stdout == "moved 119 letters back to history\n"
    assert numbers_of(stack, "history") == []
