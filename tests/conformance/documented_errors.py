"""The errors that docs/reference/scheduler-errors.md tells of, and which of them an answer is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.conformance.sending import Refusal

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "scheduler-errors.md"
ROW = re.compile(r"\| (\d{3}) \| `(\w+)` \| (.+) \|")
VALUE = "…"
# `$.action.type: `, `x-ms-version: `: where in the request a fault is.
PLACE = re.compile(r"(?:\$.*?|[\w?$-]+): ")
SENTENCE_END = re.compile(r"(?<=\.) (?=\$|Cannot set )")
FAULT_END = re.compile(r"; (?=(?:\$|[\w?$-]+: ))")


@dataclass(frozen=True, slots=True)
class Documented:
    """A row of the page; `…` in its message stands for a value."""

    status: int
    code: str
    message: str

    def says(self, sentence: str) -> bool:
        return pattern(self.message).fullmatch(sentence) is not None


@cache
def pattern(message: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in message.split(VALUE))
    return re.compile(".*?".join(parts), re.DOTALL)


@cache
def documented_errors() -> tuple[Documented, ...]:
    rows = (ROW.fullmatch(line) for line in PAGE.read_text().splitlines())
    return tuple(Documented(int(row[1]), row[2], row[3]) for row in rows if row)


def recognised(refusal: Refusal) -> Iterator[Documented | str]:
    """Yield the row for each thing that an error says, or what it says where there is none."""
    rows = [
        one
        for one in documented_errors()
        if (one.status, one.code) == (refusal.status, refusal.code)
    ]
    for row in rows:
        if row.says(refusal.message):
            yield row
            return
    for fault in faults_in(refusal.message):
        found = next((row for row in rows if row.says(fault)), None)
        yield found or f"{refusal.status} {refusal.code}: {fault}"


def faults_in(message: str) -> Iterator[str]:
    """Yield each fault that a message tells, without its place."""
    for sentence in SENTENCE_END.split(message):
        for part in FAULT_END.split(sentence):
            place = PLACE.match(part)
            yield part[place.end() :] if place else part
