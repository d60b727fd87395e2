import subprocess
from datetime import UTC, datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp._decode import (
    _DECODE_BY_CONSTRUCTOR,
)
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.amqp.codec.decoding import decode
from shared.messaging.amqp.codec.encoding import encode
from shared.messaging.amqp.codec.values import (
    Array,
    Byte,
    Described,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)
from tests.conformance.clients.languages import NODE, node_program
from tests.shared.messaging.amqp.amqp_values import BY_KIND, anatomy, arrays, nested, without_nulls
from tests.shared.messaging.amqp.codec.test_decoding import ENCODINGS as SPELLINGS


class Colour(IntEnum):
    RED = 1


ENCODINGS: list[tuple[Any, str]] = [
    (None, "40"),
    (True, "41"),
    (False, "42"),
    (UInt(0), "43"),
    (UInt(255), "52 ff"),
    (UInt(256), "70 00 00 01 00"),
    (ULong(0), "44"),
    (ULong(255), "53 ff"),
    (ULong(256), "80 00 00 00 00 00 00 01 00"),
    (Int(-128), "54 80"),
    (Int(128), "71 00 00 00 80"),
    (127, "55 7f"),
    (128, "81 00 00 00 00 00 00 00 80"),
    (Colour.RED, "55 01"),
    (b"", "a0 00"),
    (b"x" * 255, "a0 ff" + "78" * 255),
    (b"x" * 256, "b0 00 00 01 00" + "78" * 256),
    ([], "45"),
    ([None] * 254, "c0 ff fe" + "40" * 254),
    ([None] * 255, "d0 00 00 01 03 00 00 00 ff" + "40" * 255),
    ({}, "c1 01 00"),
    (MappingProxyType({"a": None}), "c1 05 02 a1 01 61 40"),
    (Array(Symbol, (Symbol("a"),)), "f0 00 00 00 0a 00 00 00 01 b3 00 00 00 01 61"),
    (Array(UUID, ()), "f0 00 00 00 05 00 00 00 00 98"),
    (datetime(1970, 1, 1, 0, 0, 1, 999, tzinfo=UTC), "83 00 00 00 00 00 00 03 e8"),
    (Described(Symbol("a"), 1), "00 a3 01 61 55 01"),
]


@pytest.mark.parametrize(("value", "octets"), ENCODINGS, ids=[repr(e[0])[:30] for e in ENCODINGS])
def test_the_shortest_encoding_is_written(value: Any, octets: str) -> None:
    assert encode(value) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    "value",
    [
        UByte(256),
        UShort(-1),
        UInt(2**32),
        ULong(-1),
        Byte(128),
        Short(2**15),
        Int(2**31),
        2**63,
        Timestamp(2**63),
        Symbol("é"),
        "\ud800",
        [object()],
        Array(object, ()),
        Array(Int, (Int(2**31),)),
        datetime(2026, 1, 1),  # noqa: DTZ001
    ],
    ids=lambda value: repr(value)[:30].split(" at ")[0],
)
def test_what_amqp_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no AMQP value"):
        encode(value)


def sdk_view(value: Any) -> Any:
    """What the SDK's decoder, which keeps no types, makes of a value."""
    match value:
        case list() | Array():
            return [sdk_view(item) for item in value]
        case dict():
            return {sdk_view(key): sdk_view(item) for key, item in value.items()}
        case str():
            return value.encode()
        case _:
            return value


@given(
    nested(
        st.one_of(*BY_KIND.values(), arrays(without_nulls(BY_KIND), least=1)), with_described=False
    )
)
def test_the_sdk_reads_what_is_written(value: Any) -> None:
    buffer = memoryview(encode(value))

    rest, decoded = _DECODE_BY_CONSTRUCTOR[buffer[0]](buffer[1:])

    assert len(rest) == 0
    assert decoded == sdk_view(value)


# rhea carries the clients of JavaScript; each value goes through its reader and its writer.
THROUGH_RHEA = """
const types = require("rhea/lib/types.js");
for (const line of require("fs").readFileSync(0, "utf8").trim().split("\\n")) {
  const writer = new types.Writer();
  writer.write(new types.Reader(Buffer.from(line, "hex")).read());
  console.log(writer.toBuffer().toString("hex"));
}
"""


def test_rhea_reads_what_is_written_and_is_read() -> None:
    values = [value for _, value in SPELLINGS if not isinstance(value, Described)]

    answer = subprocess.run(
        [node_program(), "-e", THROUGH_RHEA],
        input="\n".join(encode(value).hex() for value in values),
        cwd=NODE,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )

    returned = [decode(bytes.fromhex(line))[0] for line in answer.stdout.split()]
    assert [anatomy(value) for value in returned] == [anatomy(value) for value in values]
