"""Composite types (AMQP 1.0 part 1, 1.4): a descriptor and a list of fields, each of which takes one type only."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from struct import Struct
from typing import Any

from shared.messaging.amqp.codec import encoding
from shared.messaging.amqp.codec.decoding import FAULTS, READERS, Reader, malformed
from shared.messaging.amqp.codec.encoding import NULL, Writer
from shared.messaging.amqp.codec.values import Array, Symbol

_UINT = Struct(">I").unpack_from
_HEAD32 = Struct(">II").unpack_from


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field takes beside null. Numbers are plain ones, since the field says of what type they are."""

    readers: Mapping[int, Reader]
    write: Writer


def _plain(*codes: int) -> dict[int, Reader]:
    def plain(read: Reader) -> Reader:
        def read_plain(data: bytes, at: int, depth: int) -> tuple[int, int]:
            value, at = read(data, at, depth)
            return int(value), at

        return read_plain

    return {code: plain(READERS[code]) for code in codes}


def _typed(*codes: int) -> dict[int, Reader]:
    return {code: READERS[code] for code in codes}


def _several(data: bytes, at: int, depth: int) -> tuple[tuple[Symbol, ...], int]:
    array, at = READERS[data[at - 1]](data, at, depth)
    if array.items and array.kind is not Symbol:
        raise TypeError("an array of what are no symbols")
    return array.items, at


def _one(data: bytes, at: int, depth: int) -> tuple[tuple[Symbol, ...], int]:
    symbol, at = READERS[data[at - 1]](data, at, depth)
    return (symbol,), at


def _write_symbols(symbols: tuple[Symbol, ...]) -> bytes:
    # The SDK's decoder loses its place after an array without elements.
    return encoding.write_array(Array(Symbol, symbols)) if symbols else NULL


def _small_uint(data: bytes, at: int, depth: int) -> tuple[int, int]:
    return data[at], at + 1


def _wide_uint(data: bytes, at: int, depth: int) -> tuple[int, int]:
    return _UINT(data, at)[0], at + 4


def _zero(data: bytes, at: int, depth: int) -> tuple[int, int]:
    return 0, at


BOOLEAN = Kind(_typed(0x41, 0x42, 0x56), encoding.write_boolean)
UBYTE = Kind(_plain(0x50), encoding.number("B", 0x50))
USHORT = Kind(_plain(0x60), encoding.number("H", 0x60))
UINT = Kind(
    {0x43: _zero, 0x52: _small_uint, 0x70: _wide_uint},
    encoding.write_uint,
)
ULONG = Kind(_plain(0x44, 0x53, 0x80), encoding.write_ulong)
TIMESTAMP = Kind(_typed(0x83), encoding.number("q", 0x83))
BINARY = Kind(_typed(0xA0, 0xB0), encoding.write_binary)
STRING = Kind(_typed(0xA1, 0xB1), encoding.write_string)
SYMBOL = Kind(_typed(0xA3, 0xB3), encoding.write_symbol)
SYMBOLS = Kind(
    {0xA3: _one, 0xB3: _one, 0xE0: _several, 0xF0: _several},
    _write_symbols,
)
MAP = Kind(_typed(0xC1, 0xD1), encoding.write_map)
MESSAGE_ID = Kind(
    _typed(0x44, 0x53, 0x80, 0x98, 0xA0, 0xB0, 0xA1, 0xB1),
    encoding.write_value,
)


class Composite:
    """How one dataclass is encoded; fields without a default are mandatory, and null does not do for them.

    `remote_channel` and `next_incoming_id` have no default because of what follows them: `nullable` names such.
    """

    def __init__(
        self, made: type, code: int, name: str, kinds: Iterable[Kind], nullable: str = ""
    ) -> None:
        self.made = made
        self.code = code
        self.name = name
        self.readers = tuple(kind.readers for kind in kinds)
        names = tuple(each.name for each in fields(made))
        self.writers = tuple(zip(names, (kind.write for kind in kinds), strict=True))
        self.mandatory = tuple(
            index
            for index, each in enumerate(fields(made))
            if each.default is MISSING and each.name != nullable
        )
        self.head = bytes((0x00, 0x53, code))
        self.empty = self.head + b"\x45"

    def read(self, data: bytes, at: int, depth: int) -> tuple[Any, int]:
        """`at` is where the list begins that follows the descriptor."""
        at, end, count = _list_head(data, at)
        if end > len(data) or count > len(self.readers):
            raise ValueError(f"{self.name} of {count} fields that end at byte {end} of {len(data)}")
        values: list[Any] = []
        for readers in self.readers[:count]:
            code = data[at]
            at += 1
            if code == 0x40:
                values.append(None)
            else:
                value, at = readers[code](data, at, depth)
                values.append(value)
        if at != end:
            raise ValueError(f"{end - at} bytes left of {self.name}")
        for index in self.mandatory:
            if index >= count or values[index] is None:
                raise ValueError(f"{self.name} without its field {self.writers[index][0]}")
        return self.made(*values), end

    def write(self, value: Any) -> bytes:
        """Every field is written, also nulls at the end: older SDKs for Python count on them."""
        if not self.writers:
            return self.empty
        parts = []
        for name, write in self.writers:
            field = getattr(value, name)
            parts.append(NULL if field is None else write(field))
        return self.head + encoding.compound(0xC0, len(parts), b"".join(parts))


def _list_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return where the first element is, where the list ends, and how many there are."""
    code = data[at]
    if code == 0xC0:
        return at + 3, at + 2 + data[at + 1], data[at + 2]
    if code == 0xD0:
        size, count = _HEAD32(data, at + 1)
        return at + 9, at + 5 + size, count
    if code == 0x45:
        return at + 1, at + 1, 0
    raise ValueError(f"constructor {code:#x} where a list must be")


class Composites:
    """A choice of composite types."""

    def __init__(self, composites: Iterable[Composite]) -> None:
        self._by_type = {composite.made: composite for composite in composites}
        self._by_code = {composite.code: composite for composite in self._by_type.values()}
        self._by_name = {composite.name: composite for composite in self._by_type.values()}

    def kind(self) -> Kind:
        """A field that takes any of them."""
        return Kind({0x00: self._read}, self.write)

    def decode(self, data: bytes, start: int) -> tuple[Any, int]:
        """Return the one that begins at `start`, and where it ends. Raises MalformedFrameError."""
        try:
            if data[start] != 0:
                raise ValueError(f"constructor {data[start]:#x} where a descriptor must be")
            return self._read(data, start + 1, 0)
        except FAULTS as fault:
            raise malformed(fault) from fault

    def write(self, value: Any) -> bytes:
        return self._by_type[type(value)].write(value)

    def __contains__(self, value: object) -> bool:
        return type(value) in self._by_type

    def _read(self, data: bytes, at: int, depth: int) -> tuple[Any, int]:
        if data[at] == 0x53:
            return self._by_code[data[at + 1]].read(data, at + 2, depth)
        descriptor, at = READERS[data[at]](data, at + 1, depth + 1)
        choice = self._by_name if isinstance(descriptor, Symbol) else self._by_code
        return choice[descriptor].read(data, at, depth)
