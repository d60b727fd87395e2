import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.host.functions import Output
from shared.host.outputs import message_bodies, send_outputs
from shared.messaging.embedded.broker import EmbeddedBroker


@pytest.mark.parametrize(
    ("value", "bodies"),
    [
        (None, []),
        (b'[1, {"a": 1.10}]', [b'[1, {"a": 1.10}]']),
        ("plain", [b"plain"]),
        ('["a", {"n": 1.10}, 2]', [b"a", b'{\n  "n": 1.1\n}', b"2"]),
        (' {"a":1}', [b'{\n  "a": 1\n}']),
        ("[]", []),
        ("[broken]", [b"[broken]"]),
        ("{broken", [b"{broken"]),
        ('"quoted"', [b'"quoted"']),
        ("", [b""]),
    ],
)
def test_text_that_looks_like_json_is_rewritten(value: object, bodies: list[bytes]) -> None:
    assert message_bodies(value) == bodies


@given(st.binary())
def test_bytes_go_out_exactly(value: bytes) -> None:
    assert message_bodies(value) == [value]


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], 7, object()])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="takes str or bytes"):
        message_bodies(value)


async def test_nothing_is_sent_when_one_value_is_refused(broker: EmbeddedBroker) -> None:
    outputs = [Output(argument="a", entity="work"), Output(argument="b", entity="results")]

    with pytest.raises(TypeError):
        await send_outputs(broker, outputs, {"a": "fine", "b": 7})

    assert await broker.peek("work") == []
