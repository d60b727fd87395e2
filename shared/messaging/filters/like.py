"""`LIKE`: `%` is any text, `_` any character, and what follows the escape character is itself."""

import re
from collections.abc import Callable


def compile_pattern(pattern: str, escape: str) -> Callable[[str], bool] | None:
    """Return what says whether a text is like `pattern`; None when its last character has nothing to escape.

    `escape` is one character, or empty for none. Each part between two `%` has a fixed length, and the first place
    where it fits is the best one, so that no text takes longer than its length times the pattern's. A regular
    expression of the whole would try without end.
    """
    parts = _parts(pattern, escape)
    if parts is None:
        return None
    if len(parts) == 1:
        whole = _compiled(parts[0])
        return lambda text: whole.fullmatch(text) is not None
    return _Parts(parts).match


class _Parts:
    def __init__(self, parts: list[list[str]]) -> None:
        self._first, *self._middle, self._last = (_compiled(part) for part in parts)
        self._last_length = len(parts[-1])

    def match(self, text: str) -> bool:
        found = self._first.match(text)
        end = len(text) - self._last_length
        for part in self._middle:
            if found is None or found.end() > end:
                return False
            found = part.search(text, found.end(), end)
        return found is not None and found.end() <= end and self._last.match(text, end) is not None


def _parts(pattern: str, escape: str) -> list[list[str]] | None:
    parts: list[list[str]] = [[]]
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            escaped = next(characters, None)
            if escaped is None:
                return None
            parts[-1].append(re.escape(escaped))
        elif character == "%":
            parts.append([])
        else:
            parts[-1].append("." if character == "_" else re.escape(character))
    return parts


def _compiled(part: list[str]) -> re.Pattern[str]:
    return re.compile("".join(part), re.DOTALL)
