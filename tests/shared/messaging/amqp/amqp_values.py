"""Values of every AMQP type, and how they compare: equal numbers of two types are two values."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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


def integers(kind: type, bits: int, *, is_signed: bool) -> SearchStrategy[Any]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    return (st.integers(low, high) | st.sampled_from([low, high, 0, 127, 1])).map(kind)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ASCII = st.text(st.characters(max_codepoint=127), max_size=300)

BY_KIND: dict[type, SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    UByte: integers(UByte, 8, is_signed=False),
    UShort: integers(UShort, 16, is_signed=False),
    UInt: integers(UInt, 32, is_signed=False),
    ULong: integers(ULong, 64, is_signed=False),
    Byte: integers(Byte, 8, is_signed=True),
    Short: integers(Short, 16, is_signed=True),
    Int: integers(Int, 32, is_signed=True),
    int: integers(int, 64, is_signed=True),
    Float: st.floats(width=32, allow_nan=False).map(Float),
    float: st.floats(allow_nan=False),
    Timestamp: integers(Timestamp, 64, is_signed=True),
    UUID: st.uuids(),
    bytes: st.binary() | st.binary(min_size=250, max_size=260),
    str: TEXT,
    Symbol: ASCII.map(Symbol),
}
OPAQUE: dict[type, SearchStrategy[Any]] = {
    Char: st.characters(exclude_categories=["Cs"]).map(Char),
    Decimal32: st.binary(min_size=4, max_size=4).map(Decimal32),
    Decimal64: st.binary(min_size=8, max_size=8).map(Decimal64),
    Decimal128: st.binary(min_size=16, max_size=16).map(Decimal128),
}


def arrays(kinds: dict[type, SearchStrategy[Any]], *, least: int = 0) -> SearchStrategy[Array]:
    return st.sampled_from(sorted(kinds, key=str)).flatmap(
        lambda kind: st.lists(kinds[kind], min_size=least, max_size=5).map(
            lambda items: Array(kind, tuple(items))
        )
    )


def without_nulls(kinds: dict[type, SearchStrategy[Any]]) -> dict[type, SearchStrategy[Any]]:
    """Nulls take no bytes, and so an array may have hardly any."""
    return {kind: values for kind, values in kinds.items() if kind is not type(None)}


KEYS = st.one_of(*(BY_KIND[kind] for kind in (str, Symbol, ULong, UUID)))
DESCRIPTORS = BY_KIND[Symbol] | BY_KIND[ULong]


def nested(simple: SearchStrategy[Any], *, with_described: bool = True) -> SearchStrategy[Any]:
    def around(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
        lists = st.lists(values, max_size=5)
        maps = st.dictionaries(KEYS, values, max_size=5)
        described = st.builds(Described, DESCRIPTORS, values) if with_described else st.nothing()
        return lists | maps | described

    return st.recursive(simple, around, max_leaves=12)


VALUES = nested(
    st.one_of(*BY_KIND.values(), *OPAQUE.values(), arrays(without_nulls(BY_KIND | OPAQUE)))
)


def anatomy(value: Any) -> Any:
    """What two values must have in common to be the same to an AMQP peer."""
    match value:
        case list():
            return list, [anatomy(item) for item in value]
        case dict():
            return dict, [(anatomy(key), anatomy(item)) for key, item in value.items()]
        case Array():
            return Array, value.kind, [anatomy(item) for item in value]
        case Described():
            return Described, anatomy(value.descriptor), anatomy(value.value)
        case _:
            return type(value), repr(value)
