"""Files of requests as VS Code's REST Client and Visual Studio have them: `examples/test.http`.

https://github.com/Huachao/vscode-restclient#readme
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VARIABLE = re.compile(r"^@(\w+)\s*=\s*(.*)$")
NAME = re.compile(r"^#\s*@name\s+(\w+)$")
EXPECTED = re.compile(r"^#\s*expect:\s*([0-9, ]+)$")
REFERENCE = re.compile(r"\{\{([^}]+)\}\}")
ANSWERED = re.compile(r"(\w+)\.response\.body\.\$((?:\.\w+|\[\d+\])+)")
STEP = re.compile(r"\w+")
REQUEST_LINE = re.compile(r"^([A-Z]+) (\S+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest:
    """One request, its variables still in it; `name` is what later ones call its answer."""

    title: str
    name: str | None
    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    expected: frozenset[int]


@dataclass(frozen=True, slots=True)
class HttpFile:
    """What stands in a file."""

    variables: Mapping[str, str]
    requests: Sequence[FileRequest]


def read_http_file(text: str) -> HttpFile:
    """Return what a file holds. Fails where a request is malformed or does not say what is expected."""
    head, *blocks = re.split(r"^###", text, flags=re.MULTILINE)
    variables = {
        found[1]: found[2] for line in head.splitlines() if (found := VARIABLE.match(line))
    }
    return HttpFile(variables, [read_request(block) for block in blocks])


def read_request(block: str) -> FileRequest:
    title, *lines = block.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    said, _, body = "\n".join(line for line in lines if not line.startswith("#")).partition("\n\n")
    request_line, *headers = said.strip().splitlines()
    found = REQUEST_LINE.match(request_line)
    assert found, request_line
    (expected,) = matching(EXPECTED, comments)
    return FileRequest(
        title=title.strip(),
        name=next(matching(NAME, comments), None),
        method=found[1],
        url=found[2],
        headers=dict(line.split(": ", 1) for line in headers),
        body=body.strip(),
        expected=frozenset(int(status) for status in expected.split(",")),
    )


def matching(pattern: re.Pattern[str], lines: Sequence[str]) -> Iterator[str]:
    return (found[1] for line in lines if (found := pattern.match(line)))


def filled(text: str, variables: Mapping[str, str], answers: Mapping[str, Any]) -> str:
    """Return `text` with its variables and what earlier answers hold put in."""

    def value_of(found: re.Match[str]) -> str:
        reference = found[1].strip()
        if answered := ANSWERED.fullmatch(reference):
            value = answers[answered[1]]
            for step in STEP.findall(answered[2]):
                value = value[int(step)] if step.isdigit() else value[step]
            return str(value)
        return filled(variables[reference], variables, answers)

    return REFERENCE.sub(value_of, text)
