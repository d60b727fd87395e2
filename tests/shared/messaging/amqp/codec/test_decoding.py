from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp._encode import encode_value
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.decoding import DEEPEST, decode, skip
from shared.messaging.amqp.codec.encoding import encode
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
from tests.shared.messaging.amqp.amqp_values import (
    BY_KIND,
    VALUES,
    anatomy,
    arrays,
    nested,
    without_nulls,
)

# AMQP 1.0 part 1, 1.6, encoding by encoding
ENCODINGS = [
    ("40", None),
    ("41", True),
    ("42", False),
    ("56 00", False),
    ("56 01", True),
    ("50 ff", UByte(255)),
    ("60 ff fe", UShort(65534)),
    ("70 ff ff ff ff", UInt(2**32 - 1)),
    ("52 80", UInt(128)),
    ("43", UInt(0)),
    ("80 ff ff ff ff ff ff ff ff", ULong(2**64 - 1)),
    ("53 80", ULong(128)),
    ("44", ULong(0)),
    ("51 80", Byte(-128)),
    ("61 80 00", Short(-32768)),
    ("71 80 00 00 00", Int(-(2**31))),
    ("54 ff", Int(-1)),
    ("81 80 00 00 00 00 00 00 00", -(2**63)),
    ("55 ff", -1),
    ("72 3f 80 00 00", Float(1.0)),
    ("82 3f f0 00 00 00 00 00 00", 1.0),
    ("74 22 50 00 01", Decimal32(bytes.fromhex("22500001"))),
    ("84 22 38 00 00 00 00 00 01", Decimal64(bytes.fromhex("2238000000000001"))),
    ("94 22 08" + " 00" * 13 + " 01", Decimal128(bytes.fromhex("2208" + "00" * 13 + "01"))),
    ("73 00 01 f6 00", Char("😀")),
    ("83 00 00 00 e8 d4 a5 10 00", Timestamp(1_000_000_000_000)),
    (
        "98 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff",
        UUID("00112233445566778899aabbccddeeff"),
    ),
    ("a0 02 00 ff", b"\x00\xff"),
    ("b0 00 00 00 02 00 ff", b"\x00\xff"),
    ("a1 02 c3 a9", "é"),
    ("b1 00 00 00 02 c3 a9", "é"),
    ("a3 01 78", Symbol("x")),
    ("b3 00 00 00 01 78", Symbol("x")),
    ("45", []),
    ("c0 03 02 41 40", [True, None]),
    ("d0 00 00 00 06 00 00 00 02 41 40", [True, None]),
    ("c1 04 02 a1 00 41", {"": True}),
    ("d1 00 00 00 07 00 00 00 02 a1 00 41", {"": True}),
    ("e0 04 02 54 01 ff", Array(Int, (Int(1), Int(-1)))),
    ("f0 00 00 00 07 00 00 00 02 50 01 ff", Array(UByte, (UByte(1), UByte(255)))),
    ("e0 02 00 a3", Array(Symbol, ())),
    ("00 53 24 45", Described(ULong(0x24), [])),
    ("00 a3 01 78 00 53 01 41", Described(Symbol("x"), Described(ULong(1), True))),
]


@pytest.mark.parametrize(("octets", "value"), ENCODINGS, ids=[pair[0] for pair in ENCODINGS])
def test_each_encoding_of_the_specification_is_read(octets: str, value: Any) -> None:
    data = bytes.fromhex(octets)

    decoded, end = decode(b"\xff" + data + b"\xff", 1)

    assert anatomy(decoded) == anatomy(value)
    assert end == 1 + len(data) == skip(b"\xff" + data, 1)


def test_an_array_of_arrays_is_read() -> None:
    decoded, _ = decode(bytes.fromhex("e0 0a 02 e0 03 01 56 01 03 01 56 00"))

    assert decoded == Array(Array, (Array(bool, (True,)), Array(bool, (False,))))


def test_an_empty_array_may_come_without_a_constructor() -> None:
    decoded, end = decode(sdk_encode({"TYPE": "ARRAY", "VALUE": []}))

    assert (decoded.items, end) == ((), 3)


@given(VALUES)
def test_a_value_comes_back_in_its_own_type(value: Any) -> None:
    data = encode(value)

    decoded, end = decode(data)

    assert anatomy(decoded) == anatomy(value)
    assert end == len(data) == skip(data, 0)


def sdk_encode(form: Any) -> bytes:
    output = bytearray()
    encode_value(output, form)
    return bytes(output)


def sdk_form(value: Any) -> Any:
    """The value as the SDK's encoder wants it, which is told each type by its name."""
    match value:
        case list():
            return {"TYPE": "LIST", "VALUE": [sdk_form(item) for item in value]}
        case dict():
            pairs = [(sdk_form(key), sdk_form(item)) for key, item in value.items()]
            return {"TYPE": "MAP", "VALUE": pairs}
        case Array():
            return {"TYPE": "ARRAY", "VALUE": [sdk_form(item) for item in value]}
        case Described():
            pair = (sdk_form(value.descriptor), sdk_form(value.value))
            return {"TYPE": "DESCRIBED", "VALUE": pair}
        case _:
            return {"TYPE": SDK_NAMES[type(value)], "VALUE": value}


SDK_NAMES = {
    type(None): "NULL",
    bool: "BOOL",
    UByte: "UBYTE",
    UShort: "USHORT",
    UInt: "UINT",
    ULong: "ULONG",
    Byte: "BYTE",
    Short: "SHORT",
    Int: "INT",
    int: "LONG",
    Float: "FLOAT",
    float: "DOUBLE",
    Timestamp: "TIMESTAMP",
    UUID: "UUID",
    bytes: "BINARY",
    str: "STRING",
    Symbol: "SYMBOL",
}
# What the SDK makes of booleans and of zeros in an array is not what its own decoder, or anybody's, reads.
SDK_ARRAYS = {
    kind: values.filter(bool) if kind in (UInt, ULong) else values
    for kind, values in without_nulls(BY_KIND).items()
    if kind is not bool
}


@given(nested(st.one_of(*BY_KIND.values(), arrays(SDK_ARRAYS, least=1))))
def test_what_the_sdk_encodes_is_read(value: Any) -> None:
    decoded, _ = decode(sdk_encode(sdk_form(value)))

    assert anatomy(decoded) == anatomy(value)


def test_a_decimal_of_the_sdk_keeps_its_bytes() -> None:
    data = sdk_encode({"TYPE": "DECIMAL128", "VALUE": Decimal("1.5")})

    decoded, _ = decode(data)

    assert decoded == Decimal128(data[1:])


MALFORMED = {
    "nothing": "",
    "no such constructor": "46",
    "a string longer than what is there": "a1 05 61",
    "a string of 4 GB": "b1 ff ff ff ff 61",
    "a list of 4 billion": "d0 ff ff ff ff ff ff ff ff 40",
    "a list of 4 billion in a right size": "d0 00 00 00 05 ff ff ff ff 40",
    "a list that ends in the middle of its last": "c0 02 01 a1 03 61 61 61",
    "a list with bytes left": "c0 03 01 40 40",
    "a map of 3": "c1 04 03 41 41 42",
    "a map with a key twice": "c1 05 04 41 40 41 40",
    "a map whose key is a list": "c1 03 02 45 40",
    "an array of 4 billion nulls": "f0 00 00 00 05 ff ff ff ff 40",
    "an array of more nulls than bytes": "e0 02 ff 40",
    "an array of described values": "e0 05 01 00 53 01 40",
    "an array without constructor": "e0 01 01",
    "text that is not UTF-8": "a1 01 ff",
    "text of half a surrogate pair": "a1 03 ed a0 80",
    "a symbol that is not ASCII": "a3 02 c3 a9",
    "a char beyond Unicode": "73 00 11 00 00",
    "a char that is half a surrogate pair": "73 00 00 d8 00",
    "a boolean of 2": "56 02",
    "half a long": "81 00 00 00 00",
    "half a uuid": "98 00 00 00 00",
    "a description of nothing": "00 53 24",
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_malformed_bytes_are_refused(octets: str) -> None:
    with pytest.raises(MalformedFrameError) as refusal:
        decode(bytes.fromhex(octets))

    assert refusal.value.condition == "amqp:decode-error"


@pytest.mark.parametrize(
    "octets", ["", "10 00 00 00 00", "00 00 40 40", "00 40", "a1", "b1 00", "a1 02 61"]
)
def test_the_end_of_what_is_malformed_is_not_told(octets: str) -> None:
    with pytest.raises(MalformedFrameError):
        skip(bytes.fromhex(octets), 0)


@given(VALUES)
def test_the_end_is_told_without_a_look_at_what_is_between(value: Any) -> None:
    assert skip(encode(value) + b"\x40", 0) == len(encode(value))


NESTINGS: dict[str, Callable[[bytes], bytes]] = {
    "lists": lambda inner: b"\xd0" + (len(inner) + 4).to_bytes(4) + b"\x00\x00\x00\x01" + inner,
    "arrays": lambda inner: b"\xf0" + (len(inner) + 4).to_bytes(4) + b"\x00\x00\x00\x01" + inner,
    "maps": lambda inner: b"\xd1" + (len(inner) + 5).to_bytes(4) + b"\x00\x00\x00\x02\x40" + inner,
    "described values": lambda inner: b"\x00\x53\x01" + inner,
    "descriptors": lambda inner: b"\x00" + inner + b"\x40",
}


@pytest.mark.parametrize("around", NESTINGS.values(), ids=NESTINGS)
@pytest.mark.parametrize("depth", [DEEPEST, 20_000])
def test_what_is_nested_too_deep_is_refused(around: Callable[[bytes], bytes], depth: int) -> None:
    data = b"\x45"
    for _ in range(depth + 1):
        data = around(data)
        if len(data) > 300_000:
            break

    with pytest.raises(MalformedFrameError):
        decode(data)


def test_what_is_nested_as_deep_as_may_be_is_read() -> None:
    value: list[Any] = []
    for _ in range(DEEPEST):
        value = [value]

    assert decode(encode(value))[0] == value


@given(st.binary(max_size=200))
@example(b"\x00" * 100_000)
@example(b"\xd0\x00\x00\x00\x04\xff\xff\xff\xff")
def test_bytes_of_anybody_are_a_value_or_refused(data: bytes) -> None:
    for read in (decode, skip):
        with suppress(MalformedFrameError):
            read(data, 0)


@given(VALUES, st.data())
def test_a_damaged_value_is_another_or_refused(value: Any, data: st.DataObject) -> None:
    octets = bytearray(encode(value))
    position = data.draw(st.integers(0, len(octets) - 1))
    octets[position] = data.draw(st.integers(0, 255))

    for damaged in (bytes(octets), bytes(octets[:position])):
        try:
            _, end = decode(damaged)
        except MalformedFrameError:
            continue
        assert end <= len(damaged)
