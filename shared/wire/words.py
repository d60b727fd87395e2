"""Closed sets of words: read ignoring case, since Microsoft's own clients and documents disagree on it."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from pydantic_core import PydanticCustomError

WordT = TypeVar("WordT", bound=StrEnum)


def word_reader(words: type[WordT], *, not_yet: tuple[str, ...] = ()) -> Callable[[object], WordT]:
    """Return a validator for `words`; those of the contract that we do not offer yet are refused by name."""
    known = {word.value.lower(): word for word in words}
    later = {word.lower() for word in not_yet}
    choices = ", ".join(word.value for word in words)

    def read_word(value: object) -> WordT:
        if isinstance(value, str):
            word = known.get(value.lower())
            if word is not None:
                return word
            if value.lower() in later:
                raise PydanticCustomError(
                    "not_yet",
                    "'{value}' is not supported yet; use one of {choices}",
                    {"value": value, "choices": choices},
                )
        raise PydanticCustomError("word", "must be one of {choices}", {"choices": choices})

    return read_word
