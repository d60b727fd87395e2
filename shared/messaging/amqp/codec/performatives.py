"""What frames carry: performatives (AMQP 1.0 part 2), SASL (part 5), termini and delivery states (part 3).

Fields have the specification's names and order; those that may be absent are None. `multiple` fields are tuples, be it
one value or an array on the wire. Performatives are not frozen: a frozen dataclass takes three times as long to make,
and one is made for each frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from shared.messaging.amqp.codec.values import Symbol

Fields = Mapping[Any, Any]
Symbols = tuple[Symbol, ...]

SENDER = False
RECEIVER = True


class SenderSettleMode(IntEnum):
    UNSETTLED = 0
    SETTLED = 1
    MIXED = 2


class ReceiverSettleMode(IntEnum):
    FIRST = 0
    SECOND = 1


class SaslCode(IntEnum):
    OK = 0
    AUTH = 1
    SYS = 2
    SYS_PERM = 3
    SYS_TEMP = 4


@dataclass(frozen=True, slots=True)
class Error:
    """Encoded with all three fields and `info` not empty: on two the SDK's sender hangs for ever (facts, trap 2)."""

    condition: str
    description: str | None = None
    info: Fields | None = None


@dataclass(frozen=True, slots=True)
class Received:
    section_number: int
    section_offset: int


@dataclass(frozen=True, slots=True)
class Accepted:
    pass


@dataclass(frozen=True, slots=True)
class Rejected:
    error: Error | None = None


@dataclass(frozen=True, slots=True)
class Released:
    pass


@dataclass(frozen=True, slots=True)
class Modified:
    delivery_failed: bool | None = None
    undeliverable_here: bool | None = None
    message_annotations: Fields | None = None


Outcome = Accepted | Rejected | Released | Modified
DeliveryState = Outcome | Received


@dataclass(slots=True)
class Source:
    address: str | None = None
    durable: int | None = None
    expiry_policy: Symbol | None = None
    timeout: int | None = None
    dynamic: bool | None = None
    dynamic_node_properties: Fields | None = None
    distribution_mode: Symbol | None = None
    filter: Fields | None = None
    default_outcome: Outcome | None = None
    outcomes: Symbols | None = None
    capabilities: Symbols | None = None


@dataclass(slots=True)
class Target:
    address: str | None = None
    durable: int | None = None
    expiry_policy: Symbol | None = None
    timeout: int | None = None
    dynamic: bool | None = None
    dynamic_node_properties: Fields | None = None
    capabilities: Symbols | None = None


@dataclass(slots=True)
class Coordinator:
    """The target of a link that asks for transactions (part 4), which we do not have."""

    capabilities: Symbols | None = None


@dataclass(slots=True)
class Open:
    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: Symbols | None = None
    incoming_locales: Symbols | None = None
    offered_capabilities: Symbols | None = None
    desired_capabilities: Symbols | None = None
    properties: Fields | None = None


@dataclass(slots=True)
class Begin:
    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int | None = None
    offered_capabilities: Symbols | None = None
    desired_capabilities: Symbols | None = None
    properties: Fields | None = None


@dataclass(slots=True)
class Attach:
    """`role` is that of its sender: SENDER or RECEIVER."""

    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Source | None = None
    target: Target | Coordinator | None = None
    unsettled: Fields | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Symbols | None = None
    desired_capabilities: Symbols | None = None
    properties: Fields | None = None


@dataclass(slots=True)
class Flow:
    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: Fields | None = None


@dataclass(slots=True)
class Transfer:
    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: DeliveryState | None = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Disposition:
    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: DeliveryState | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Detach:
    handle: int
    closed: bool | None = None
    error: Error | None = None


@dataclass(slots=True)
class End:
    error: Error | None = None


@dataclass(slots=True)
class Close:
    error: Error | None = None


@dataclass(slots=True)
class SaslMechanisms:
    sasl_server_mechanisms: Symbols


@dataclass(slots=True)
class SaslInit:
    mechanism: Symbol
    initial_response: bytes | None = None
    hostname: str | None = None


@dataclass(slots=True)
class SaslChallenge:
    challenge: bytes


@dataclass(slots=True)
class SaslResponse:
    response: bytes


@dataclass(slots=True)
class SaslOutcome:
    code: int
    additional_data: bytes | None = None


Performative = Open | Begin | Attach | Flow | Transfer | Disposition | Detach | End | Close
SaslPerformative = SaslMechanisms | SaslInit | SaslChallenge | SaslResponse | SaslOutcome
