from pathlib import Path

import pytest

from tests.shared.cli.in_process import STACK, assert_helps, assert_refuses

BOX = ["--connection", "--json", *STACK]
OF_EVENTS = ["--event-subscription", "--token-file"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["list", "show", "redrive", "purge"]),
        (("list",), ["QUEUE", *OF_EVENTS, *BOX]),
        (("show",), ["QUEUE", "SEQUENCE", "--from", "--limit", *OF_EVENTS, *BOX]),
        (("redrive",), ["QUEUE", "--all", *OF_EVENTS, *BOX]),
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
        (("show",), "give a queue, and one sequence number or none"),
        (("show", "commands", "1", "2"), "give a queue, and one sequence number or none"),
        (("show", "commands", "x"), "'x' is no sequence number"),
        (("show", "a", "b", "--event-subscription", "e"), "the id of one event or none"),
        (("show", "--connection", "--event-subscription", "e"), "the id of one event or none"),
        (("purge", "--all", "--event-subscription", "e"), "there is no such call"),
        (("purge", "--all"), "give a queue"),
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
