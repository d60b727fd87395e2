from pathlib import Path

import pytest

from tests.shared.cli.in_process import STACK, assert_helps, assert_refuses

BOX = ["--connection", "--json", *STACK]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["list", "show", "redrive", "purge"]),
        (("list",), ["QUEUE", "--event-subscription", "--limit", *BOX]),
        (("show",), ["queue", "sequence", "--from", "--limit", *BOX]),
        (("redrive",), ["QUEUE", "--all", "--event-subscription", *BOX]),
        (("purge",), ["queue", "SEQUENCE", "--all", "--older-than", "--yes", *BOX]),
    ],
)
def test_help_names_everything_there_is(arguments: tuple[str, ...], words: list[str]) -> None:
    assert_helps(("deadletters", *arguments), words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("redrive",), "give a queue"),
        (("redrive", "commands"), "either sequence numbers or --all"),
        (("redrive", "commands", "1", "--all"), "either sequence numbers or --all"),
        (("redrive", "commands", "x"), "'x' is no sequence number"),
        (("redrive", "commands", "9" * 19), "is no sequence number"),
        (("redrive", "--event-subscription", "e"), "either ids of events or --all"),
        (("list", "commands", "--event-subscription", "e"), "goes with neither queues nor"),
        (("purge", "commands"), "sequence numbers, --older-than or --all"),
        (("purge", "commands", "1", "--all"), "sequence numbers, --older-than or --all"),
        (("purge", "commands", "--older-than", "old"), "--older-than 'old' is neither an age"),
        (("show", "commands", "--limit", "251"), "--limit"),
        (("list", "--data-dir", "{folder}"), "start the stack with `tocsin up`"),
        (("list", "--connection"), "neither ServiceBusConnection nor"),
    ],
)
def test_what_cannot_work_is_told_before_a_stack_is_asked(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    given = tuple(argument.format(folder=tmp_path) for argument in arguments)

    assert_refuses(("deadletters", *given), said)
