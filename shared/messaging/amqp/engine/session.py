"""One session of a connection (AMQP 1.0 part 2, 2.5): hands what arrives to its links."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.messaging.amqp.codec.faults import (
    FRAMING_ERROR,
    HANDLE_IN_USE,
    INVALID_FIELD,
    NOT_IMPLEMENTED,
    RESOURCE_LIMIT_EXCEEDED,
    UNATTACHED_HANDLE,
    ConnectionFaultError,
    LinkFaultError,
    SessionFaultError,
)
from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    Attach,
    Begin,
    Coordinator,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Received,
    Transfer,
)
from shared.messaging.amqp.engine.channel import WINDOW, Channel
from shared.messaging.amqp.engine.inlet import InletLink
from shared.messaging.amqp.engine.link import Link, LinkState
from shared.messaging.amqp.engine.node import Nodes
from shared.messaging.amqp.engine.outlet import OutletLink
from shared.messaging.amqp.engine.pressure import Pressure
from shared.messaging.amqp.engine.runner import Runner

HANDLE_MAX = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the sessions of one connection share; `may_attach` says whether there may be one more link."""

    nodes: Nodes
    runner: Runner
    pressure: Pressure
    max_message_size: int
    may_attach: Callable[[], bool]


class Session:
    """Ends with a frame of the peer's, by a fault of the peer's or with its connection.

    After our `end` it stays, deaf, until the peer's has come: its channel is in use until then.
    """

    def __init__(self, begin: Begin, channel: Channel[Link], surroundings: Surroundings) -> None:
        self._channel = channel
        channel.has_room_again = self.credited
        self._surroundings = surroundings
        self._links: dict[int, Link] = {}
        self._is_ended = False
        self._handlers: dict[type, Callable[..., None]] = {
            Attach: self._attach,
            Flow: self._flow,
            Disposition: self._disposition,
            Detach: self._detach,
        }

    @property
    def links(self) -> int:
        return len(self._links)

    def begin(self, remote_channel: int) -> None:
        """Answer the peer's begin."""
        self._channel.send(Begin(remote_channel, 0, WINDOW, WINDOW, handle_max=HANDLE_MAX))

    def receive(
        self, performative: Attach | Flow | Transfer | Disposition | Detach, payload: bytes
    ) -> None:
        """Raises ConnectionFaultError."""
        if self._is_ended:
            return
        try:
            if type(performative) is Transfer:
                self._transfer(performative, payload)
            else:
                self._handlers[type(performative)](performative)
        except SessionFaultError as fault:
            self._channel.send_last(End(fault.error))
            self.end()

    def ended(self) -> None:
        """Answer the peer's end, unless it is itself an answer."""
        if not self._is_ended:
            self._channel.send_last(End())
            self.end()

    def end(self) -> None:
        """The session is gone, with its connection or by an `end`."""
        self._is_ended = True
        for link in self._links.values():
            link.end()
        self._links.clear()

    def credited(self) -> None:
        """Tell the links on which we send that there is room again."""
        for link in list(self._links.values()):
            if isinstance(link, OutletLink) and link.credit:
                link.credited()

    def _attach(self, attach: Attach) -> None:
        if attach.handle > HANDLE_MAX:
            raise ConnectionFaultError(
                FRAMING_ERROR, f"handle {attach.handle} is above {HANDLE_MAX}"
            )
        former = self._links.get(attach.handle)
        if former is not None and former.state is LinkState.PARTING:
            former.part()
        elif former is not None:
            raise SessionFaultError(HANDLE_IN_USE, f"handle {attach.handle} is in use")
        if not self._surroundings.may_attach():
            raise SessionFaultError(RESOURCE_LIMIT_EXCEEDED, "the connection has too many links")
        if attach.role is RECEIVER:
            self._attach_outlet(attach)
        else:
            self._attach_inlet(attach)

    def _attach_inlet(self, attach: Attach) -> None:
        link = InletLink(
            attach,
            self._channel,
            self._surroundings.runner,
            self._surroundings.pressure,
            max_message_size=self._surroundings.max_message_size,
        )
        self._links[link.handle] = link
        if attach.target is None:
            link.detach(Error(INVALID_FIELD, "the attach has no target"))
        elif isinstance(attach.target, Coordinator):
            link.detach(Error(NOT_IMPLEMENTED, "there are no transactions"))
        else:
            link.begin(self._surroundings.nodes.attach_inlet(attach, link))

    def _attach_outlet(self, attach: Attach) -> None:
        link = OutletLink(
            attach,
            self._channel,
            self._surroundings.runner,
            max_message_size=self._surroundings.max_message_size,
        )
        self._links[link.handle] = link
        if attach.source is None:
            link.detach(Error(INVALID_FIELD, "the attach has no source"))
        else:
            link.begin(self._surroundings.nodes.attach_outlet(attach, link))

    def _transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._channel.received()
        link = self._link(transfer.handle)
        if not isinstance(link, InletLink):
            raise SessionFaultError(
                UNATTACHED_HANDLE, f"nothing is sent on handle {transfer.handle}"
            )
        try:
            link.transferred(transfer, payload)
        except LinkFaultError as fault:
            link.detach(fault.error)

    def _flow(self, flow: Flow) -> None:
        had_room = self._channel.room > 0
        self._channel.flowed(flow)
        link = None if flow.handle is None else self._link(flow.handle)
        if link is not None:
            link.flowed(flow)
        elif flow.echo:
            self._channel.send_flow()
        if not had_room and self._channel.room:
            self.credited()

    def _disposition(self, disposition: Disposition) -> None:
        # What the peer says as a sender needs no answer: we have settled, or will.
        outcome = disposition.state
        is_settled = bool(disposition.settled)
        if disposition.role is not RECEIVER or isinstance(outcome, Received):
            return
        if outcome is None and not is_settled:
            return
        had_room = self._channel.room > 0
        last = disposition.first if disposition.last is None else disposition.last
        for delivery_id, link, tag in self._channel.settled(disposition.first, last):
            if isinstance(link, OutletLink):
                link.settled(delivery_id, tag, outcome, is_settled=is_settled)
        if not had_room and self._channel.room:
            self.credited()

    def _detach(self, detach: Detach) -> None:
        self._link(detach.handle).detached(detach, self._forget)

    def _forget(self, link: Link) -> None:
        del self._links[link.handle]

    def _link(self, handle: int) -> Link:
        link = self._links.get(handle)
        if link is None or link.state is LinkState.PARTING:
            raise SessionFaultError(UNATTACHED_HANDLE, f"handle {handle} is not attached")
        return link
