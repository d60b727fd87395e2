from pathlib import Path

import pytest

from tests.shared.cli.in_process import STACK, assert_helps, assert_refuses

FILTERS = ["--status", "--resource", "--since", "--limit"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["list", "show", "wait", "cancel"]),
        (("list",), [*FILTERS, "--watch", "--json", "--token-file", *STACK]),
        (("show",), ["ID", "--json", "--token-file", *STACK]),
        (("wait",), ["ID", "--timeout", "--json", "--token-file", *STACK]),
        (("cancel",), ["ID", "--json", "--token-file", *STACK]),
    ],
)
def test_help_names_everything_there_is(arguments: tuple[str, ...], words: list[str]) -> None:
    assert_helps(("operations", *arguments), words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--since", "soon"), "--since 'soon' is neither an age"),
        (("list", "--watch", "--json"), "either --watch or --json"),
        (("list", "--watch"), "stdout is none"),
        (("list", "--limit", "0"), "--limit"),
        (("wait", "x", "--timeout", "soon"), "--timeout 'soon' is no duration such as 90"),
        (("wait",), "Missing argument"),
        (("show", "x", "--data-dir", "{folder}"), "start the stack with `tocsin up`"),
    ],
)
def test_what_cannot_work_is_told_before_a_stack_is_asked(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    given = tuple(argument.format(folder=tmp_path) for argument in arguments)

    assert_refuses(("operations", *given), said)
