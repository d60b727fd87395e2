"""A link on which the peer sends (AMQP 1.0 part 2, 2.6.12 and 2.6.14)."""

from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.messaging.amqp.codec.faults import (
    INVALID_FIELD,
    MESSAGE_SIZE_EXCEEDED,
    RESOURCE_LIMIT_EXCEEDED,
    TRANSFER_LIMIT_EXCEEDED,
    LinkFaultError,
)
from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    Accepted,
    Attach,
    Error,
    Flow,
    Outcome,
    ReceiverSettleMode,
    Rejected,
    Source,
    Transfer,
)
from shared.messaging.amqp.codec.values import Symbol, ULong
from shared.messaging.amqp.engine.channel import MODULUS, Channel
from shared.messaging.amqp.engine.link import EndingNode, Link, LinkState
from shared.messaging.amqp.engine.node import Attached, InletNode, Transferred
from shared.messaging.amqp.engine.pressure import Pressure
from shared.messaging.amqp.engine.runner import Runner

CREDIT = 1000
ACCEPTED = Accepted()
MAX_BATCH_SIZE = Symbol("com.microsoft:max-message-batch-size")


@dataclass(slots=True)
class Arriving:
    """A delivery of which more is to come."""

    delivery_id: int
    message_format: int
    is_settled: bool = False
    payload: bytes | bytearray = b""
    size: int = 0

    def append(self, part: bytes) -> None:
        """Keep one part more, in one piece with those before: many small ones would cost more than their bytes."""
        if not self.payload:
            self.payload = part
        elif isinstance(self.payload, bytearray):
            self.payload += part
        else:
            self.payload = bytearray(self.payload + part)


class InletLink(Link):
    """Puts deliveries together, hands them to its node and settles them with what that returns.

    Credit is never used up by a peer that heeds it; one that does not is no fault, since the SDK's sender is one.
    """

    def __init__(
        self,
        attach: Attach,
        channel: Channel[Link],
        runner: Runner,
        pressure: Pressure,
        *,
        max_message_size: int,
    ) -> None:
        super().__init__(attach, channel, runner, max_message_size=max_message_size)
        self._pressure = pressure
        self._node: InletNode | None = None
        self._delivery_count = attach.initial_delivery_count or 0
        self._credit = 0
        self._arriving: Arriving | None = None

    def flowed(self, flow: Flow) -> None:
        if flow.delivery_count is not None:
            self._delivery_count = flow.delivery_count
        if flow.echo:
            self._grant()

    def transferred(self, transfer: Transfer, payload: bytes) -> None:
        """Take a part of a delivery. Raises LinkFaultError."""
        if self._node is None:
            if self.state is LinkState.ATTACHING:
                raise LinkFaultError(TRANSFER_LIMIT_EXCEEDED, "a transfer before there was credit")
            return
        arriving = self._arriving or self._first(transfer)
        arriving.is_settled = arriving.is_settled or bool(transfer.settled)
        arriving.size += len(payload)
        kept = len(arriving.payload)
        if arriving.size <= self._max_message_size or not arriving.payload:
            arriving.append(payload)
        self._arriving = arriving if transfer.more and not transfer.aborted else None
        if self._arriving is not None:
            self._wait_for_rest(len(arriving.payload) - kept)
        else:
            self._pressure.finished(kept)
            self._delivery_count = (self._delivery_count + 1) % MODULUS
            self._credit -= 1
            if not transfer.aborted:
                self._deliver(self._node, arriving)
        if self._credit <= CREDIT // 2 or self._channel.is_window_low:
            self._grant()

    def _first(self, transfer: Transfer) -> Arriving:
        if transfer.delivery_id is None:
            raise LinkFaultError(
                INVALID_FIELD, "the first transfer of a delivery has no delivery-id"
            )
        return Arriving(transfer.delivery_id, transfer.message_format or 0)

    def _wait_for_rest(self, size: int) -> None:
        if not self._pressure.begun(size):
            raise LinkFaultError(
                RESOURCE_LIMIT_EXCEEDED, "too much of this connection's deliveries is unfinished"
            )

    def _deliver(self, node: InletNode, arrived: Arriving) -> None:
        payload = bytes(arrived.payload)
        arrived.payload = b""
        if arrived.size > self._max_message_size:
            arrived.size = len(payload)
            work: Coroutine[Any, Any, Outcome | None] = node.oversized(payload, self._too_large())
        else:
            message = Transferred(payload, arrived.message_format, arrived.is_settled)
            work = node.transferred(message)
        self._pressure.arrived(arrived.size)
        self._decision_begins()
        self._runner.run(work, partial(self._decide, arrived))

    def _decide(
        self, arrived: Arriving, outcome: Outcome | None, failure: Exception | None
    ) -> None:
        self._pressure.decided(arrived.size)
        if failure is not None:
            outcome = Rejected(self._runner.error_of(failure))
        self._settle(arrived, outcome or ACCEPTED)
        self._decision_ends()

    def _settle(self, arrived: Arriving, outcome: Outcome) -> None:
        if not arrived.is_settled and self.is_told:
            self._channel.settle(arrived.delivery_id, outcome)

    def _too_large(self) -> Error:
        limit = self._max_message_size
        return Error(MESSAGE_SIZE_EXCEEDED, f"a message may have {limit} bytes; this one has more")

    def _grant(self) -> None:
        self._credit = CREDIT
        self._channel.send_flow(
            self.handle, delivery_count=self._delivery_count, link_credit=CREDIT
        )

    def _attached(self, node: Any) -> None:
        self._node = node
        self._grant()

    def _parting(self) -> None:
        self._give_up_arriving()

    def _forget_node(self) -> EndingNode | None:
        self._give_up_arriving()
        node, self._node = self._node, None
        return node

    def _give_up_arriving(self) -> None:
        if self._arriving is not None:
            self._pressure.finished(len(self._arriving.payload))
            self._arriving = None

    def _reply(self, attached: Attached) -> Attach:
        reply = self._refusal()
        reply.target = self._attach.target
        reply.properties = {
            MAX_BATCH_SIZE: ULong(self._max_message_size),
            **(attached.properties or {}),
        }
        return reply

    def _refusal(self) -> Attach:
        return Attach(
            self._attach.name,
            self.handle,
            RECEIVER,
            snd_settle_mode=self._attach.snd_settle_mode,
            rcv_settle_mode=ReceiverSettleMode.FIRST,
            source=self._attach.source or Source(),
            max_message_size=self._max_message_size,
        )
