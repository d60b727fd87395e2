"""What comes before AMQP's own frames: protocol headers and the SASL layer (part 2, 2.2; part 5, 5.3).

SASL authenticates nobody here, as with Service Bus: that is for `$cbs`. A peer must go through it all the same, and
name one of the mechanisms that ask for nothing; .NET and JavaScript take MSSBCBS, Python ANONYMOUS (facts §1).
"""

from collections.abc import Callable
from enum import Enum, auto

from shared.errors import TocsinError
from shared.messaging.amqp.codec.frames import (
    AMQP_HEADER,
    SASL_HEADER,
    Frame,
    ProtocolHeader,
    encode_frame,
)
from shared.messaging.amqp.codec.performatives import (
    SaslCode,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
)
from shared.messaging.amqp.codec.values import Symbol

MECHANISMS = (Symbol("MSSBCBS"), Symbol("ANONYMOUS"))


class RefusedError(TocsinError):
    """The handshake ends here; what the peer is told of it has been written."""


class Step(Enum):
    """What the peer's next item must be."""

    SASL_HEADER = auto()
    SASL_INIT = auto()
    AMQP_HEADER = auto()
    DONE = auto()


class Handshake:
    """The server's side; a peer may send all of its own without waiting."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._step = Step.SASL_HEADER

    @property
    def is_done(self) -> bool:
        return self._step is Step.DONE

    def receive(self, item: Frame | ProtocolHeader) -> None:
        """Raises RefusedError."""
        match self._step, item:
            case Step.SASL_HEADER, ProtocolHeader(octets=octets) if octets == SASL_HEADER:
                self._write(SASL_HEADER + encode_frame(0, SaslMechanisms(MECHANISMS)))
                self._step = Step.SASL_INIT
            case Step.SASL_INIT, Frame(performative=SaslInit(mechanism=mechanism)):
                self._end_sasl(mechanism)
            case Step.AMQP_HEADER, ProtocolHeader(octets=octets) if octets == AMQP_HEADER:
                self._write(AMQP_HEADER)
                self._step = Step.DONE
            case _:
                self.refuse()

    def refuse(self) -> None:
        """Tell the peer which header belongs here (2.2: then the socket is closed). Raises RefusedError."""
        if self._step is Step.SASL_HEADER:
            self._write(SASL_HEADER)
        elif self._step is Step.AMQP_HEADER:
            self._write(AMQP_HEADER)
        raise RefusedError("a protocol header or frame out of its place")

    def _end_sasl(self, mechanism: Symbol) -> None:
        if mechanism not in MECHANISMS:
            self._write(encode_frame(0, SaslOutcome(SaslCode.AUTH)))
            raise RefusedError(f"no SASL mechanism {mechanism}")
        self._write(encode_frame(0, SaslOutcome(SaslCode.OK)))
        self._step = Step.AMQP_HEADER
