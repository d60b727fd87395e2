"""A link on which the peer receives (AMQP 1.0 part 2, 2.6.7 to 2.6.12).

A delivery that was not sent settled is unsettled until the peer has decided; its decision goes to the node, and what
the node returns is echoed settled. A peer that settles on its own is told nothing.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any

from shared.messaging.amqp.codec.performatives import (
    SENDER,
    Attach,
    Flow,
    Outcome,
    Rejected,
    Source,
    Target,
)
from shared.messaging.amqp.engine.channel import MODULUS, Channel, serial_distance
from shared.messaging.amqp.engine.link import EndingNode, Link, LinkState
from shared.messaging.amqp.engine.node import Attached, OutletNode
from shared.messaging.amqp.engine.runner import Runner


class OutletLink(Link):
    """What a node sends by; see `node.Outlet`."""

    def __init__(
        self, attach: Attach, channel: Channel[Link], runner: Runner, *, max_message_size: int
    ) -> None:
        super().__init__(attach, channel, runner, max_message_size=max_message_size)
        self._node: OutletNode | None = None
        self._delivery_count = 0
        self._credit = 0
        self._is_draining = False
        self._is_drain_to_tell = False

    @property
    def credit(self) -> int:
        return min(self._credit, self._channel.room) if self.state is LinkState.ATTACHED else 0

    @property
    def is_draining(self) -> bool:
        return self._is_draining

    def send(self, payload: bytes, *, tag: bytes, is_settled: bool) -> None:
        """Raises ValueError without credit of the link; a session's window that has closed meanwhile is waited for.

        What is sent on a link that is ending is dropped: its node cannot know yet.
        """
        if self.state is not LinkState.ATTACHED:
            return
        if self._credit <= 0:
            raise ValueError("the peer has given no credit for this")
        self._credit -= 1
        self._delivery_count = (self._delivery_count + 1) % MODULUS
        self._channel.deliver(self, self.handle, payload, tag=tag, is_settled=is_settled)
        if self._credit == 0:
            self.drained()

    def drained(self) -> None:
        if self._is_draining:
            self._is_draining = False
            self._delivery_count = (self._delivery_count + self._credit) % MODULUS
            self._credit = 0
            self._is_drain_to_tell = True
            self._channel.after_transfers(self, self._send_flow)

    def forget(self, tags: Collection[bytes]) -> None:
        self._channel.forget_deliveries(self, tags)

    def flowed(self, flow: Flow) -> None:
        if flow.link_credit is not None:
            sent_since = serial_distance(self._delivery_count, flow.delivery_count or 0)
            self._credit = max(0, flow.link_credit - sent_since)
            self._is_draining = bool(flow.drain)
        if self._node is None:
            return
        if self._is_draining and self._credit == 0:
            self.drained()
        elif flow.echo:
            self._channel.after_transfers(self, self._send_flow)
        self.credited()

    def credited(self) -> None:
        """Tell the node that it may look at its credit again."""
        if self._node is None:
            return
        try:
            self._node.credited()
        except (
            Exception
        ) as failure:  # whatever a node raises is told to the peer, and ends the link
            self.detach(self._runner.error_of(failure))

    def settled(
        self, delivery_id: int, tag: bytes, outcome: Outcome | None, *, is_settled: bool
    ) -> None:
        """Have the node carry out what the peer decided; it is told of the outcome unless it has settled already."""
        if self._node is not None:
            self._decision_begins()
            work = self._node.settled(tag, outcome)
            self._runner.run(work, partial(self._decided_by, delivery_id, is_settled))

    def _decided_by(
        self, delivery_id: int, is_settled: bool, outcome: Outcome | None, failure: Exception | None
    ) -> None:
        if failure is not None:
            outcome = Rejected(self._runner.error_of(failure))
        if outcome is not None and not is_settled and self.is_told:
            self._channel.echo(delivery_id, outcome)
        self._decision_ends()

    def _send_flow(self) -> None:
        drain, self._is_drain_to_tell = self._is_drain_to_tell or None, False
        self._channel.send_flow(
            self.handle,
            delivery_count=self._delivery_count,
            link_credit=self._credit,
            drain=drain,
        )

    def _attached(self, node: Any) -> None:
        self._node = node
        # The peer need not wait for our attach to give credit.
        if self._is_draining and self._credit == 0:
            self.drained()
        elif self._credit:
            self.credited()

    def _parting(self) -> None:
        self.credited()

    def _forget_node(self) -> EndingNode | None:
        node, self._node, self._credit = self._node, None, 0
        return node

    def _reply(self, attached: Attached) -> Attach:
        reply = self._refusal()
        reply.source = replace(self._attach.source or Source(), filter=attached.filters)
        reply.properties = attached.properties
        return reply

    def _refusal(self) -> Attach:
        return Attach(
            self._attach.name,
            self.handle,
            SENDER,
            snd_settle_mode=self._attach.snd_settle_mode,
            rcv_settle_mode=self._attach.rcv_settle_mode,
            target=self._attach.target or Target(),
            initial_delivery_count=0,
            max_message_size=self._max_message_size,
        )
