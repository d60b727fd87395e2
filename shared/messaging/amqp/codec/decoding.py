"""Bytes to values (AMQP 1.0 part 1, 1.2 to 1.6), for bytes that anybody may have sent.

A reader takes the bytes, the position after the constructor and how deep it is nested; it returns the value and the
position after it, and may raise any of FAULTS. Nothing is made room for before its bytes are known to be there: what is
counted takes a byte each, also in arrays, so of elements that take none (true, null …) an array may not claim more.
"""

from collections.abc import Callable
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import Any
from uuid import UUID

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.values import (
    Array,
    Byte,
    Char,
    Decimal32,
    Decimal64,
    Decimal128,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

Reader = Callable[[bytes, int, int], tuple[Any, int]]

DEEPEST = 32
FAULTS = (IndexError, KeyError, OverflowError, StructError, TypeError, ValueError)
"""What readers raise of malformed bytes; KeyError is a constructor that does not belong there, TypeError a map's key
that cannot be one in Python."""

_UINT = Struct(">I").unpack_from
_HEAD32 = Struct(">II").unpack_from


def decode(data: bytes, start: int = 0) -> tuple[Any, int]:
    """Return the value that begins at `start`, and where it ends. Raises MalformedFrameError."""
    try:
        return read_value(data, start, 0)
    except FAULTS as fault:
        raise malformed(fault) from fault


def malformed(fault: Exception) -> MalformedFrameError:
    return MalformedFrameError(f"malformed AMQP value: {type(fault).__name__}: {fault}")


def skip(data: bytes, start: int) -> int:
    """Return where the value that begins at `start` ends, looking only at its size. Raises MalformedFrameError."""
    try:
        at = start
        while data[at] == 0:
            at = _end(data, at + 1)
        end = _end(data, at)
    except FAULTS as fault:
        raise malformed(fault) from fault
    if end > len(data):
        raise MalformedFrameError(f"a value ends at byte {end} of {len(data)}")
    return end


def _end(data: bytes, at: int) -> int:
    code = data[at]
    if code in _FIXED:
        return at + _FIXED[code]
    if code < 0xA0:
        raise ValueError(f"there is no constructor {code:#x}")
    if code & 0x10:
        return at + 5 + int(_UINT(data, at + 1)[0])
    return at + 2 + data[at + 1]


# The first four bits of a constructor say how many bytes follow (1.2.2): a length of one or four bytes from 0xA up.
_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_FIXED = {high << 4 | low: 1 + width for high, width in _WIDTHS.items() for low in range(16)}


def read_value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    return READERS[data[at]](data, at + 1, depth)


def _constant(value: Any) -> Reader:
    return lambda data, at, depth: (value, at)


def _number(layout: str, kind: Callable[[Any], Any]) -> Reader:
    struct = Struct(layout)
    unpack, width = struct.unpack_from, struct.size
    return lambda data, at, depth: (kind(unpack(data, at)[0]), at + width)


def _octet(kind: Callable[[int], int]) -> Reader:
    return lambda data, at, depth: (kind(data[at]), at + 1)


def _octets(width: int, kind: Callable[[bytes], Any]) -> Reader:
    return lambda data, at, depth: (kind(_within(data, at, at + width)), at + width)


def _within(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise IndexError(f"a value ends at byte {end} of {len(data)}")
    return data[start:end]


def _variable8(kind: Callable[[bytes], Any]) -> Reader:
    def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        end = at + 1 + data[at]
        if end > len(data):
            raise IndexError(f"a value ends at byte {end} of {len(data)}")
        return kind(data[at + 1 : end]), end

    return read


def _variable32(kind: Callable[[bytes], Any]) -> Reader:
    def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        end = at + 4 + _UINT(data, at)[0]
        return kind(_within(data, at + 4, end)), end

    return read


def _boolean(data: bytes, at: int, depth: int) -> tuple[bool, int]:
    octet = data[at]
    if octet > 1:
        raise ValueError(f"a boolean of {octet}")
    return octet == 1, at + 1


def _char(code_point: int) -> Char:
    if 0xD800 <= code_point <= 0xDFFF:
        raise ValueError("a char that is half a surrogate pair")
    return Char(chr(code_point))


def _symbol(octets: bytes) -> Symbol:
    return Symbol(octets, "ascii")


def _compound(width: int, finish: Callable[[bytes, int, int, int, int], Any]) -> Reader:
    def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        size, count = (data[at], data[at + 1]) if width == 1 else _HEAD32(data, at)
        end = at + width + size
        if end > len(data) or count > size:
            raise IndexError(f"{count} values in {size} bytes of {len(data) - at} that are there")
        if depth >= DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST}")
        return finish(data, at + 2 * width, end, count, depth + 1), end

    return read


def _check_end(at: int, end: int) -> None:
    if at != end:
        raise ValueError(f"{end - at} bytes left of a list, map or array")


def _list(data: bytes, at: int, end: int, count: int, depth: int) -> list[Any]:
    values = []
    for _ in range(count):
        value, at = READERS[data[at]](data, at + 1, depth)
        values.append(value)
    _check_end(at, end)
    return values


def _map(data: bytes, at: int, end: int, count: int, depth: int) -> dict[Any, Any]:
    values = iter(_list(data, at, end, count, depth))
    pairs = dict(zip(values, values, strict=False))
    if 2 * len(pairs) != count:
        raise ValueError("a map with equal keys, or with a key that has no value")
    return pairs


def _array(data: bytes, at: int, end: int, count: int, depth: int) -> Array:
    if count == 0 and at == end:
        # The SDK leaves the constructor out when there are no elements.
        return Array(type(None), ())
    code = data[at]
    read, kind = READERS[code], _KINDS[code]
    at += 1
    values = []
    for _ in range(count):
        value, at = read(data, at, depth)
        values.append(value)
    _check_end(at, end)
    return Array(kind, tuple(values))


def _described(data: bytes, at: int, depth: int) -> tuple[Described, int]:
    if depth >= DEEPEST:
        raise ValueError(f"nested deeper than {DEEPEST}")
    descriptor, at = READERS[data[at]](data, at + 1, depth + 1)
    value, at = READERS[data[at]](data, at + 1, depth + 1)
    return Described(descriptor, value), at


_ENCODINGS: dict[int, tuple[type, Reader]] = {
    0x40: (type(None), _constant(None)),
    0x41: (bool, _constant(True)),
    0x42: (bool, _constant(False)),
    0x43: (UInt, _constant(UInt(0))),
    0x44: (ULong, _constant(ULong(0))),
    0x45: (list, lambda data, at, depth: ([], at)),
    0x50: (UByte, _octet(UByte)),
    0x51: (Byte, _number(">b", Byte)),
    0x52: (UInt, _octet(UInt)),
    0x53: (ULong, _octet(ULong)),
    0x54: (Int, _number(">b", Int)),
    0x55: (int, _number(">b", int)),
    0x56: (bool, _boolean),
    0x60: (UShort, _number(">H", UShort)),
    0x61: (Short, _number(">h", Short)),
    0x70: (UInt, _number(">I", UInt)),
    0x71: (Int, _number(">i", Int)),
    0x72: (Float, _number(">f", Float)),
    0x73: (Char, _number(">I", _char)),
    0x74: (Decimal32, _octets(4, Decimal32)),
    0x80: (ULong, _number(">Q", ULong)),
    0x81: (int, _number(">q", int)),
    0x82: (float, _number(">d", float)),
    0x83: (Timestamp, _number(">q", Timestamp)),
    0x84: (Decimal64, _octets(8, Decimal64)),
    0x94: (Decimal128, _octets(16, Decimal128)),
    0x98: (UUID, _octets(16, lambda octets: UUID(bytes=octets))),
    0xA0: (bytes, _variable8(bytes)),
    0xA1: (str, _variable8(bytes.decode)),
    0xA3: (Symbol, _variable8(_symbol)),
    0xB0: (bytes, _variable32(bytes)),
    0xB1: (str, _variable32(bytes.decode)),
    0xB3: (Symbol, _variable32(_symbol)),
    0xC0: (list, _compound(1, _list)),
    0xC1: (dict, _compound(1, _map)),
    0xD0: (list, _compound(4, _list)),
    0xD1: (dict, _compound(4, _map)),
    0xE0: (Array, _compound(1, _array)),
    0xF0: (Array, _compound(4, _array)),
}

READERS: dict[int, Reader] = {code: read for code, (_, read) in _ENCODINGS.items()}
"""By constructor. An array's elements are read by the same ones, except described ones, which we do not take."""

READERS[0x00] = _described
_KINDS = {code: kind for code, (kind, _) in _ENCODINGS.items()}
