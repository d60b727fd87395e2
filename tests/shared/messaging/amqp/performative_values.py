"""Performatives with any values in their fields."""

from dataclasses import fields
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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
from tests.shared.messaging.amqp.amqp_values import ASCII, TEXT

UBYTE = st.integers(0, 255)
UINT = st.integers(0, 2**32 - 1) | st.integers(0, 300)
SYMBOL = ASCII.map(Symbol)
SYMBOLS = st.lists(SYMBOL, min_size=1, max_size=3).map(tuple)
FIELDS = st.dictionaries(SYMBOL, TEXT | st.booleans(), max_size=3)
ERROR = st.builds(Error, SYMBOL, TEXT, st.dictionaries(SYMBOL, TEXT, min_size=1, max_size=2))
OUTCOME = (
    st.just(Accepted())
    | st.just(Released())
    | st.builds(Rejected, st.none() | ERROR)
    | st.builds(Modified, st.none() | st.booleans(), st.none() | st.booleans(), st.none() | FIELDS)
)
STATE = OUTCOME | st.builds(Received, UINT, st.integers(0, 2**64 - 1))

BY_NAME: dict[str, SearchStrategy[Any]] = {
    **dict.fromkeys(("container_id", "hostname", "name", "address"), TEXT),
    **dict.fromkeys(("properties", "dynamic_node_properties", "filter", "unsettled"), FIELDS),
    **dict.fromkeys(("role", "settled", "more", "resume", "aborted", "batchable"), st.booleans()),
    **dict.fromkeys(("closed", "drain", "echo", "dynamic", "incomplete_unsettled"), st.booleans()),
    **dict.fromkeys(("channel_max", "remote_channel"), st.integers(0, 65535)),
    **dict.fromkeys(("snd_settle_mode", "rcv_settle_mode", "code"), UBYTE),
    **dict.fromkeys(("expiry_policy", "distribution_mode", "mechanism"), SYMBOL),
    **dict.fromkeys(("initial_response", "challenge", "response"), st.binary(max_size=300)),
    **dict.fromkeys(("outgoing_locales", "incoming_locales", "outcomes"), SYMBOLS),
    **dict.fromkeys(("offered_capabilities", "desired_capabilities", "capabilities"), SYMBOLS),
    "sasl_server_mechanisms": SYMBOLS,
    "additional_data": st.binary(),
    "delivery_tag": st.binary(max_size=32),
    "max_message_size": st.integers(0, 2**64 - 1),
    "default_outcome": OUTCOME,
    "state": STATE,
    "error": ERROR,
}
NEVER_NULL = {
    "container_id",
    "name",
    "role",
    "first",
    "code",
    "mechanism",
    "challenge",
    "response",
    "sasl_server_mechanisms",
    "next_outgoing_id",
    "incoming_window",
    "outgoing_window",
}


def any_of(kind: type) -> SearchStrategy[Any]:
    mandatory = NEVER_NULL | ({"handle"} if kind is not Flow else set())
    values = {}
    for field in fields(kind):
        value = BY_NAME.get(field.name, UINT)
        values[field.name] = value if field.name in mandatory else st.none() | value
    return st.builds(kind, **values)


BY_NAME["source"] = any_of(Source)
BY_NAME["target"] = any_of(Target) | any_of(Coordinator)

AMQP = {
    kind: any_of(kind)
    for kind in (Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close)
}
SASL = {
    kind: any_of(kind)
    for kind in (SaslMechanisms, SaslInit, SaslChallenge, SaslResponse, SaslOutcome)
}
PERFORMATIVES = st.one_of(*AMQP.values(), *SASL.values())
