"""A parser's place among the words of a filter."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import InvalidFilterError
from shared.messaging.filters.lexer import Kind, Token, tokens

MAX_DEPTH = 32
"""Parentheses, NOT, signs and calls in one another: far above what anybody writes, far below what Python can nest."""


class Cursor:
    """`next` is the word that has not been taken yet."""

    def __init__(self, text: str) -> None:
        self._words = tokens(text)
        self.next = next(self._words)
        self._depth = 0

    def is_at(self, *sources: str) -> bool:
        """Say whether one of these keywords or symbols is next."""
        return self.next.kind in (Kind.KEYWORD, Kind.SYMBOL) and self.next.content in sources

    def take(self) -> Token:
        """Return the next word and go on; the end stays."""
        taken = self.next
        self.next = next(self._words, taken)
        return taken

    def takes(self, source: str) -> bool:
        """Go on if that is what comes next."""
        is_there = self.is_at(source)
        if is_there:
            self.take()
        return is_there

    def expect(self, source: str) -> None:
        """Go on, or raise InvalidFilterError."""
        if not self.takes(source):
            raise self.next.instead_of(source)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count a level for as long as it lasts."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidFilterError(
                f"position {self.next.position}: is nested more than {MAX_DEPTH} levels deep"
            )
        yield
        self._depth -= 1
