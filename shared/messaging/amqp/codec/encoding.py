"""Values to bytes (AMQP 1.0 part 1, 1.6): the shortest encoding of each; in arrays the widest, which elements share."""

from collections.abc import Callable, Mapping
from datetime import datetime
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import Any
from uuid import UUID

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

Writer = Callable[[Any], bytes]

NULL = b"\x40"

_SMALL_UINTS = (b"\x43", *(bytes((0x52, number)) for number in range(1, 256)))
_UINT = Struct(">BI").pack
_ULONG = Struct(">BQ").pack
_INT = Struct(">Bi").pack
_LONG = Struct(">Bq").pack
_LENGTH = Struct(">I").pack
_SIZE_AND_COUNT = Struct(">BII").pack


def encode(value: Any) -> bytes:
    """Raises ValueError for what AMQP cannot say: a number out of its type's range, a type it has no word for."""
    try:
        return write_value(value)
    except (KeyError, OverflowError, StructError, TypeError, ValueError) as fault:
        raise ValueError(f"{type(value).__name__} is no AMQP value: {fault}") from fault


def write_value(value: Any) -> bytes:
    writer = WRITERS.get(type(value))
    if writer is None:
        writer = _writer_of_base(value)
    return writer(value)


def _writer_of_base(value: Any) -> Writer:
    for kind in type(value).__mro__:
        if kind in WRITERS:
            return WRITERS[kind]
    if isinstance(value, Mapping):
        return write_map
    raise TypeError(f"there is no AMQP type for {type(value).__name__}")


def write_boolean(value: bool) -> bytes:
    return b"\x41" if value else b"\x42"


def write_uint(value: int) -> bytes:
    if 0 <= value < 256:
        return _SMALL_UINTS[value]
    return _UINT(0x70, value)


def write_ulong(value: int) -> bytes:
    if value == 0:
        return b"\x44"
    if 0 < value < 256:
        return bytes((0x53, value))
    return _ULONG(0x80, value)


def _write_int(value: int) -> bytes:
    if -128 <= value < 128:
        return bytes((0x54, value & 255))
    return _INT(0x71, value)


def _write_long(value: int) -> bytes:
    if -128 <= value < 128:
        return bytes((0x55, value & 255))
    return _LONG(0x81, value)


def number(layout: str, code: int) -> Writer:
    """A writer of what has one encoding of fixed width."""
    pack = Struct(f">B{layout}").pack
    return lambda value: pack(code, value)


def _octets(code: int) -> Writer:
    constructor = bytes((code,))
    return lambda value: constructor + value


def _write_timestamp(value: datetime) -> bytes:
    return _LONG(0x83, Timestamp.of(value))


def variable(code: int, octets: bytes) -> bytes:
    """`code` is that of the short form; 0x10 more is the long one."""
    length = len(octets)
    if length < 256:
        return bytes((code, length)) + octets
    return bytes((code + 0x10,)) + _LENGTH(length) + octets


def write_binary(value: bytes) -> bytes:
    return variable(0xA0, value)


def write_string(value: str) -> bytes:
    return variable(0xA1, value.encode())


def write_symbol(value: str) -> bytes:
    return variable(0xA3, value.encode("ascii"))


def compound(code: int, count: int, body: bytes) -> bytes:
    """A list or map; `code` is that of the short form."""
    size = len(body) + 1
    if size < 256 and count < 256:
        return bytes((code, size, count)) + body
    return _SIZE_AND_COUNT(code + 0x10, size + 3, count) + body


def write_list(values: list[Any]) -> bytes:
    if not values:
        return b"\x45"
    return compound(0xC0, len(values), b"".join(map(write_value, values)))


def write_map(values: Mapping[Any, Any]) -> bytes:
    body = b"".join(write_value(key) + write_value(value) for key, value in values.items())
    return compound(0xC1, 2 * len(values), body)


def write_described(value: Described) -> bytes:
    return b"\x00" + write_value(value.descriptor) + write_value(value.value)


def write_array(array: Array) -> bytes:
    code, element = _ELEMENTS[array.kind]
    body = bytes((code,)) + b"".join(map(element, array.items))
    return _SIZE_AND_COUNT(0xF0, len(body) + 4, len(array.items)) + body


WRITERS: dict[type, Writer] = {
    type(None): lambda value: NULL,
    bool: write_boolean,
    UByte: number("B", 0x50),
    UShort: number("H", 0x60),
    UInt: write_uint,
    ULong: write_ulong,
    Byte: number("b", 0x51),
    Short: number("h", 0x61),
    Int: _write_int,
    int: _write_long,
    Float: number("f", 0x72),
    float: number("d", 0x82),
    Decimal32: _octets(0x74),
    Decimal64: _octets(0x84),
    Decimal128: _octets(0x94),
    Char: lambda value: _UINT(0x73, ord(value)),
    Timestamp: number("q", 0x83),
    datetime: _write_timestamp,
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: write_binary,
    str: write_string,
    Symbol: write_symbol,
    list: write_list,
    dict: write_map,
    Array: write_array,
    Described: write_described,
}


def _wide(write: Writer) -> Writer:
    """Of what has one encoding: the writer without the constructor."""
    return lambda value: write(value)[1:]


def _prefixed(octets: Writer) -> Writer:
    def write(value: Any) -> bytes:
        encoded = octets(value)
        return _LENGTH(len(encoded)) + encoded

    return write


def _element_of_list(values: list[Any]) -> bytes:
    body = b"".join(map(write_value, values))
    return _LENGTH(len(body) + 4) + _LENGTH(len(values)) + body


def _element_of_map(values: Mapping[Any, Any]) -> bytes:
    body = b"".join(write_value(key) + write_value(value) for key, value in values.items())
    return _LENGTH(len(body) + 4) + _LENGTH(2 * len(values)) + body


_ELEMENTS: dict[type, tuple[int, Writer]] = {
    type(None): (0x40, lambda value: b""),
    bool: (0x56, lambda value: b"\x01" if value else b"\x00"),
    UInt: (0x70, Struct(">I").pack),
    ULong: (0x80, Struct(">Q").pack),
    Int: (0x71, Struct(">i").pack),
    int: (0x81, Struct(">q").pack),
    bytes: (0xB0, _prefixed(bytes)),
    str: (0xB1, _prefixed(str.encode)),
    Symbol: (0xB3, _prefixed(lambda value: value.encode("ascii"))),
    list: (0xD0, _element_of_list),
    dict: (0xD1, _element_of_map),
    Array: (0xF0, _wide(write_array)),
    **{
        kind: (code, _wide(WRITERS[kind]))
        for kind, code in {
            UByte: 0x50,
            UShort: 0x60,
            Byte: 0x51,
            Short: 0x61,
            Float: 0x72,
            float: 0x82,
            Decimal32: 0x74,
            Decimal64: 0x84,
            Decimal128: 0x94,
            Char: 0x73,
            Timestamp: 0x83,
            datetime: 0x83,
            UUID: 0x98,
        }.items()
    },
}
