"""The words of a SQL filter or action and where they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import InvalidFilterError

KEYWORDS = frozenset(
    {"AND", "OR", "NOT", "LIKE", "ESCAPE", "IN", "EXISTS", "IS", "NULL", "TRUE", "FALSE"}
)
MAX_SHOWN = 40


class Kind(StrEnum):
    """Of a token; the values are the names of the groups in TOKEN."""

    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    WORD = "word"
    KEYWORD = "keyword"
    SYMBOL = "symbol"
    END = "end"


TOKEN = re.compile(
    r"""
      \s*(?:
      (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<text>'(?:[^']|'')*+')
    | (?P<name>\[(?:[^\]]|\]\])++\]|"(?:[^"]|"")++")
    | (?P<word>[^\W\d_]\w*)
    | (?P<symbol><>|!=|>=|<=|[=<>+\-*/%(),.;])
    | (?P<end>\Z))
    """,
    re.VERBOSE,
)
BLANKS = re.compile(r"\s*")
UNENDED = {"'": "the ' that ends the text", "[": "a name and ]", '"': 'a name and "'}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a filter as it was written; positions count from 1."""

    kind: Kind
    source: str
    position: int

    @property
    def content(self) -> str:
        """Without quotation marks; a keyword in upper case."""
        match self.kind:
            case Kind.TEXT:
                return self.source[1:-1].replace("''", "'")
            case Kind.NAME:
                closing = self.source[-1]
                return self.source[1:-1].replace(closing * 2, closing)
            case Kind.KEYWORD:
                return self.source.upper()
            case _:
                return self.source

    def instead_of(self, expected: str) -> InvalidFilterError:
        """Return the error that it is not what was expected."""
        found = "the end" if self.kind is Kind.END else self.source
        return _error(self.position, found, expected)


def tokens(text: str) -> Iterator[Token]:
    """Return the words of `text`, the last of them its end.

    Raises:
        InvalidFilterError: something in it is no word of the language.
    """
    at = 0
    while at <= len(text):
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _no_word(text, at)
        group = match.lastgroup
        is_keyword = group == Kind.WORD and match[group].upper() in KEYWORDS
        kind = Kind.KEYWORD if is_keyword else Kind(group)
        yield Token(kind, match[group], match.start(group) + 1)
        at = len(text) + 1 if kind is Kind.END else match.end()


def _no_word(text: str, at: int) -> InvalidFilterError:
    blanks = BLANKS.match(text, at)
    start = at if blanks is None else blanks.end()
    if text[start] == "@":
        return _error(start + 1, "@", "a value: parameters are not supported")
    return _error(start + 1, text[start:], UNENDED.get(text[start], "a word of the language"))


def _error(position: int, found: str, expected: str) -> InvalidFilterError:
    shown = found if len(found) <= MAX_SHOWN else f"{found[:MAX_SHOWN]}…"
    return InvalidFilterError(f"position {position}: found {shown}, expected {expected}")
