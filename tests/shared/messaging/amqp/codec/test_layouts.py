"""Every performative there and back, and read and written by the SDK's codec."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from azure.servicebus._pyamqp import endpoints, error, outcomes, performatives
from azure.servicebus._pyamqp._decode import decode_frame
from azure.servicebus._pyamqp._encode import encode_frame as sdk_encode_frame
from hypothesis import assume, given

from shared.errors import MalformedFrameError
from shared.messaging.amqp.codec.frames import Frame, FrameReader, encode_frame
from shared.messaging.amqp.codec.layouts import PERFORMATIVES as LAYOUTS
from shared.messaging.amqp.codec.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Coordinator,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Modified,
    Open,
    Received,
    Rejected,
    Released,
    SaslChallenge,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    SaslResponse,
    Source,
    Target,
    Transfer,
)
from shared.messaging.amqp.codec.values import Symbol
from tests.shared.messaging.amqp.amqp_values import anatomy
from tests.shared.messaging.amqp.performative_values import AMQP, PERFORMATIVES, SASL

SDK_TYPES: dict[type, Any] = {
    Open: performatives.OpenFrame,
    Begin: performatives.BeginFrame,
    Attach: performatives.AttachFrame,
    Flow: performatives.FlowFrame,
    Transfer: performatives.TransferFrame,
    Disposition: performatives.DispositionFrame,
    Detach: performatives.DetachFrame,
    End: performatives.EndFrame,
    Close: performatives.CloseFrame,
    SaslMechanisms: performatives.SASLMechanism,
    SaslInit: performatives.SASLInit,
    SaslChallenge: performatives.SASLChallenge,
    SaslResponse: performatives.SASLResponse,
    SaslOutcome: performatives.SASLOutcome,
    Source: endpoints.Source,
    Target: endpoints.Target,
    Error: error.AMQPError,
    Accepted: outcomes.Accepted,
    Received: outcomes.Received,
    Rejected: outcomes.Rejected,
    Released: outcomes.Released,
    Modified: outcomes.Modified,
}
STATES = (Accepted, Received, Rejected, Released, Modified)


def read(data: bytes) -> Frame:
    (frame,) = FrameReader(max_frame_size=1_000_000).feed(data)
    assert isinstance(frame, Frame)
    return frame


@given(PERFORMATIVES)
def test_a_performative_comes_back(performative: Any) -> None:
    frame = read(encode_frame(7, performative))

    assert frame.performative == performative
    assert anatomy(frame.performative) == anatomy(performative)
    assert (frame.channel, frame.payload) == (7, b"")
    assert frame.type == (1 if type(performative) in SASL else 0)


def sdk_value(value: Any) -> Any:
    """The same as the SDK has it: a named tuple for each composite."""
    if not is_dataclass(value):
        return value
    values = [sdk_value(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Transfer):
        values.append(b"payload")
    return SDK_TYPES[type(value)](*values)


def as_the_sdk_writes(value: Any) -> Any:
    """The SDK has no empty `fields`, and no node properties but empty ones."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    values = {field.name: as_the_sdk_writes(getattr(value, field.name)) for field in fields(value)}
    for name, one in values.items():
        if name == "dynamic_node_properties":
            values[name] = {} if one else None
        elif one == {} and name != "unsettled":
            values[name] = None
    return replace(value, **values)


@given(PERFORMATIVES)
def test_what_the_sdk_writes_is_read(performative: Any) -> None:
    assume(not isinstance(getattr(performative, "target", None), Coordinator))

    kind = b"\x01" if type(performative) in SASL else b"\x00"
    header, body = sdk_encode_frame(sdk_value(performative), kind)
    frame = read(header + b"\x00\x07" + (body or b""))

    assert frame.performative == as_the_sdk_writes(performative)
    assert frame.payload == (b"payload" if isinstance(performative, Transfer) else b"")


def sdk_view(value: Any) -> Any:
    """What the SDK's decoder makes of a field."""
    if isinstance(value, STATES):
        return {type(value).__name__.lower(): [sdk_view(each) for each in parts(value)]}
    if is_dataclass(value):
        return [sdk_view(each) for each in parts(value)]
    if isinstance(value, tuple):
        return [sdk_view(each) for each in value]
    if isinstance(value, dict):
        return {sdk_view(key): sdk_view(each) for key, each in value.items()}
    return value.encode() if isinstance(value, str) else value


def parts(value: Any) -> list[Any]:
    return [getattr(value, field.name) for field in fields(value)]


@given(PERFORMATIVES)
def test_the_sdk_reads_what_is_written(performative: Any) -> None:
    code, values = decode_frame(memoryview(encode_frame(0, performative))[8:])

    sdk_type = SDK_TYPES[type(performative)]
    defaults = [field.default for field in sdk_type._definition if field is not None]
    expected = [
        default if value is None else sdk_view(value)
        for value, default in zip(parts(performative), defaults, strict=True)
    ]
    assert code == sdk_type._code
    assert values[: len(expected)] == expected


def test_an_error_always_has_three_fields_and_an_info_that_is_not_empty() -> None:
    _, values = decode_frame(memoryview(encode_frame(0, Close(Error("amqp:not-found"))))[8:])

    assert values == [[b"amqp:not-found", b"", {b"condition": b"amqp:not-found"}]]


def test_all_fields_are_written_since_older_sdks_count_on_them() -> None:
    body = encode_frame(0, Transfer(0, 1))[8:]

    assert body == bytes.fromhex("005314c00d0b435201" + "40" * 9)


SPELLINGS = {
    "a descriptor of eight bytes": "00 80 00 00 00 00 00 00 00 16 c0 02 01 43",
    "a descriptor by name": "00 a3 10 616d71703a6465746163683a6c697374 c0 02 01 43",
    "a long list": "00 53 16 d0 00 00 00 05 00 00 00 01 43",
    "a uint of four bytes": "00 53 16 c0 06 01 70 00 00 00 00",
    "nulls at the end": "00 53 16 c0 04 03 43 40 40",
}


@pytest.mark.parametrize("octets", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_a_performative_is_read(octets: str) -> None:
    body = bytes.fromhex(octets)

    assert LAYOUTS.decode(body, 0) == (Detach(0), len(body))


def test_one_symbol_does_for_an_array_of_symbols() -> None:
    body = bytes.fromhex("005310 c0 0d 08 a10163 40 40 40 40 40 40 a30178")

    performative, _ = LAYOUTS.decode(body, 0)

    assert performative == Open("c", offered_capabilities=(Symbol("x"),))


def test_no_symbols_are_written_as_null_since_the_sdk_cannot_read_an_empty_array() -> None:
    data = encode_frame(0, Open("c", offered_capabilities=()))

    assert read(data).performative == Open("c")


def test_an_empty_array_of_the_sdk_is_no_symbols() -> None:
    body = bytes.fromhex("005310 c0 0d 08 a10163 40 40 40 40 40 40 e00100")

    performative, _ = LAYOUTS.decode(body, 0)

    assert performative == Open("c", offered_capabilities=())


@pytest.mark.parametrize("octets", ["0053 16 45", "005316 c0 02 01 40"])
def test_a_refusal_names_the_field_that_is_missing(octets: str) -> None:
    with pytest.raises(MalformedFrameError, match="amqp:detach:list without its field handle"):
        LAYOUTS.decode(bytes.fromhex(octets), 0)


MALFORMED = {
    "nothing": "",
    "no descriptor": "c0 02 01 43",
    "a descriptor of nothing": "00 53",
    "an unknown performative": "00 53 77 45",
    "a performative of SASL": "00 53 41 c0 04 01 a3 01 78",
    "a name that is none": "00 a3 01 78 45",
    "a described descriptor": "00 00 53 16 45 45",
    "a list as descriptor": "00 45 45",
    "no list": "00 53 16 43",
    "no handle": "00 53 16 45",
    "a null handle": "00 53 16 c0 02 01 40",
    "a handle that is text": "00 53 16 c0 03 01 a1 00",
    "a handle that is a ulong": "00 53 16 c0 02 01 44",
    "a fourth field of three": "00 53 16 c0 05 04 43 40 40 40",
    "a list that goes on": "00 53 16 c0 03 01 43 40",
    "a list that ends early": "00 53 16 c0 02 02 43 40",
    "a list beyond the frame": "00 53 16 c0 7f 01 43",
    "a list of 4 billion": "00 53 16 d0 ff ff ff ff ff ff ff ff 43",
    "an error that is an outcome": "00 53 16 c0 07 03 43 40 00 53 24 45",
    "capabilities that are numbers": "00 53 10 c0 0d 08 a1 01 63 40 40 40 40 40 40 e0 01 01 52",
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_performative_is_refused(octets: str) -> None:
    with pytest.raises(MalformedFrameError) as refusal:
        LAYOUTS.decode(bytes.fromhex(octets), 0)

    assert refusal.value.condition == "amqp:decode-error"


@pytest.mark.parametrize("kind", AMQP, ids=lambda kind: kind.__name__)
def test_every_performative_has_the_sdks_number_of_fields(kind: type) -> None:
    definition = [field for field in SDK_TYPES[kind]._definition if field is not None]

    assert len(fields(kind)) == len(definition)
