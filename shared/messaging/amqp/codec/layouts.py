"""How performatives are laid out: the tables of AMQP 1.0 parts 2, 3 and 5."""

from shared.messaging.amqp.codec.composites import (
    BINARY,
    BOOLEAN,
    MAP,
    STRING,
    SYMBOL,
    SYMBOLS,
    UBYTE,
    UINT,
    ULONG,
    USHORT,
    Composite,
    Composites,
)
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


class _ErrorComposite(Composite):
    def write(self, value: Error) -> bytes:
        info = value.info or {Symbol("condition"): Symbol(value.condition)}
        return super().write(Error(value.condition, value.description or "", info))


_ERROR = Composites([_ErrorComposite(Error, 0x1D, "amqp:error:list", (SYMBOL, STRING, MAP))]).kind()

_RECEIVED = Composite(Received, 0x23, "amqp:received:list", (UINT, ULONG))
_OUTCOMES = (
    Composite(Accepted, 0x24, "amqp:accepted:list", ()),
    Composite(Rejected, 0x25, "amqp:rejected:list", (_ERROR,)),
    Composite(Released, 0x26, "amqp:released:list", ()),
    Composite(Modified, 0x27, "amqp:modified:list", (BOOLEAN, BOOLEAN, MAP)),
)
_OUTCOME = Composites(_OUTCOMES).kind()
_STATE = Composites([_RECEIVED, *_OUTCOMES]).kind()

_TERMINUS = (STRING, UINT, SYMBOL, UINT, BOOLEAN, MAP)
_SOURCE = Composites(
    [
        Composite(
            Source,
            0x28,
            "amqp:source:list",
            (*_TERMINUS, SYMBOL, MAP, _OUTCOME, SYMBOLS, SYMBOLS),
        )
    ]
).kind()
_TARGET = Composites(
    [
        Composite(Target, 0x29, "amqp:target:list", (*_TERMINUS, SYMBOLS)),
        Composite(Coordinator, 0x30, "amqp:coordinator:list", (SYMBOLS,)),
    ]
).kind()

PERFORMATIVES = Composites(
    [
        Composite(
            Open,
            0x10,
            "amqp:open:list",
            (STRING, STRING, UINT, USHORT, UINT, SYMBOLS, SYMBOLS, SYMBOLS, SYMBOLS, MAP),
        ),
        Composite(
            Begin,
            0x11,
            "amqp:begin:list",
            (USHORT, UINT, UINT, UINT, UINT, SYMBOLS, SYMBOLS, MAP),
            nullable="remote_channel",
        ),
        Composite(
            Attach,
            0x12,
            "amqp:attach:list",
            (
                *(STRING, UINT, BOOLEAN, UBYTE, UBYTE, _SOURCE, _TARGET),
                *(MAP, BOOLEAN, UINT, ULONG, SYMBOLS, SYMBOLS, MAP),
            ),
        ),
        Composite(
            Flow,
            0x13,
            "amqp:flow:list",
            (UINT, UINT, UINT, UINT, UINT, UINT, UINT, UINT, BOOLEAN, BOOLEAN, MAP),
            nullable="next_incoming_id",
        ),
        Composite(
            Transfer,
            0x14,
            "amqp:transfer:list",
            (
                *(UINT, UINT, BINARY, UINT, BOOLEAN, BOOLEAN),
                *(UBYTE, _STATE, BOOLEAN, BOOLEAN, BOOLEAN),
            ),
        ),
        Composite(
            Disposition,
            0x15,
            "amqp:disposition:list",
            (BOOLEAN, UINT, UINT, BOOLEAN, _STATE, BOOLEAN),
        ),
        Composite(Detach, 0x16, "amqp:detach:list", (UINT, BOOLEAN, _ERROR)),
        Composite(End, 0x17, "amqp:end:list", (_ERROR,)),
        Composite(Close, 0x18, "amqp:close:list", (_ERROR,)),
    ]
)
SASL_PERFORMATIVES = Composites(
    [
        Composite(SaslMechanisms, 0x40, "amqp:sasl-mechanisms:list", (SYMBOLS,)),
        Composite(SaslInit, 0x41, "amqp:sasl-init:list", (SYMBOL, BINARY, STRING)),
        Composite(SaslChallenge, 0x42, "amqp:sasl-challenge:list", (BINARY,)),
        Composite(SaslResponse, 0x43, "amqp:sasl-response:list", (BINARY,)),
        Composite(SaslOutcome, 0x44, "amqp:sasl-outcome:list", (UBYTE, BINARY)),
    ]
)
