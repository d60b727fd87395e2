"""The types of AMQP 1.0 (part 1, 1.6) that Python has no type for.

A decoded value keeps its AMQP type, so that encoding it again says the same: what is neither here nor below is one of
these. `None` null, `bool` boolean, `int` long, `float` double, `str` string, `bytes` binary, `UUID` uuid, `list` list,
`dict` map. `datetime` is encoded as a timestamp; decoded is `Timestamp`, since not every timestamp is a datetime.
All numbers are equal to the plain number, and a symbol to the string.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class UByte(int):
    __slots__ = ()


class UShort(int):
    __slots__ = ()


class UInt(int):
    __slots__ = ()


class ULong(int):
    __slots__ = ()


class Byte(int):
    __slots__ = ()


class Short(int):
    __slots__ = ()


class Int(int):
    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970."""

    __slots__ = ()

    @classmethod
    def of(cls, instant: datetime) -> Self:
        return cls((instant - _EPOCH) // _MILLISECOND)

    def instant(self) -> datetime:
        """Raises OverflowError for what is before year 1 or after year 9999."""
        return _EPOCH + self * _MILLISECOND


class Float(float):
    """Of 32 bits; a Python float is a double."""

    __slots__ = ()


class Char(str):
    """One Unicode character."""

    __slots__ = ()


class Symbol(str):
    """A name from a list that both sides know; ASCII."""

    __slots__ = ()


class Decimal32(bytes):
    """As encoded; nothing here computes with it."""

    __slots__ = ()


class Decimal64(bytes):
    """As encoded; nothing here computes with it."""

    __slots__ = ()


class Decimal128(bytes):
    """As encoded; nothing here computes with it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Array:
    """Values of one type; `kind` is what each of `items` is, and says so when there are none."""

    kind: type
    items: tuple[Any, ...]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Described:
    """A value and what it means: the descriptor is a `Symbol` or a `ULong` in everything that has a meaning yet."""

    descriptor: Any
    value: Any
