"""Closed sets of words: read ignoring case, since Microsoft's own clients and documents disagree on it."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from pydantic_core import PydanticCustomError

WordT = TypeVar("WordT", bound=StrEnum)


def word_reader(words: type[WordT]) -> Callable[[object], WordT]:
    """Return a validator for `words`."""
    known = {word.value.lower(): word for word in words}
    choices = ", ".join(word.value for word in words)

    def read_word(value: object) -> WordT:
        word = known.get(value.lower()) if isinstance(value, str) else None
        if word is None:
            raise PydanticCustomError("word", "must be one of {choices}", {"choices": choices})
        return word

    return read_word
