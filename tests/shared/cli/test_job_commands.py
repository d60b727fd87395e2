from pathlib import Path

import pytest

from tests.shared.cli.in_process import STACK, assert_helps, assert_refuses

JOB = ["--cloud-service", "--collection", "--job"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["put", "get", "list", "delete", "run", "history"]),
        (("put",), ["file", "--create", "--no-wait", "--json", *JOB, *STACK]),
        (("get",), ["PATH", "--json", *JOB, *STACK]),
        (("list",), ["PATH", "--state", "--json", *JOB[:2], *STACK]),
        (("delete",), ["PATH", "--no-wait", "--json", *JOB, *STACK]),
        (("run",), ["PATH", "--no-wait", "--json", *JOB, *STACK]),
        (("history",), ["PATH", "--status", "--limit", "--json", *JOB, *STACK]),
    ],
)
def test_help_names_everything_there_is(arguments: tuple[str, ...], words: list[str]) -> None:
    assert_helps(("jobs", *arguments), words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "cs1"), "--collection is missing, and there is no path such as"),
        (("get", "cs1/jc1"), "--job is missing"),
        (("run",), "--cloud-service is missing"),
        (("list", "cs1/jc1/nightly"), "names a job, and not a collection"),
        (("get", "cs1/jc1/nightly", "--data-dir", "{folder}"), "start the stack with `tocsin up`"),
        (("put", "{folder}/thesis.txt", "cs1/jc1"), "thesis.txt: $: is not JSON"),
        (("put", "{folder}/none.json", "cs1/jc1"), "No such file"),
        (("put", "-", "cs1/jc1"), "without an `id` needs --job or a PATH"),
        (("list", "cs1/jc1", "--state", "odd"), "'odd' is not one of"),
        (("history", "cs1/jc1/j", "--limit", "0"), "--limit"),
    ],
)
def test_what_cannot_work_is_told_before_a_stack_is_asked(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("no json")
    given = tuple(argument.format(folder=tmp_path) for argument in arguments)

    assert_refuses(("jobs", *given), said, stdin=b"{}")
