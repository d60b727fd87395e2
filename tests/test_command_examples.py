"""The messages of `examples/commands`: one for each command, and an array, as the queue takes them."""

import json
from pathlib import Path

import pytest

from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import parse_commands

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples" / "commands").glob("*.json"))
ARRAY = "array"


def test_there_is_one_for_each_command_and_an_array() -> None:
    assert {path.stem for path in EXAMPLES} == {*CATALOGUE, ARRAY}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_taken(path: Path) -> None:
    content = path.read_bytes()

    names = [command.endpoint.name for command in parse_commands(content)]

    assert names == [path.stem] or path.stem == ARRAY
    assert isinstance(json.loads(content), list) == (path.stem == ARRAY)


def test_that_of_a_command_which_takes_more_than_a_resource_shows_it() -> None:
    for name, row in CATALOGUE.items():
        example = json.loads((ROOT / "examples" / "commands" / f"{name}.json").read_bytes())

        shown = {member for member in ("body", "query", "ifMatch") if member in example}
        taken = {
            "body": row.request_model is not None,
            "query": row.query_model is not None,
            "ifMatch": row.conditional,
        }
        assert shown == {member for member, is_taken in taken.items() if is_taken}
