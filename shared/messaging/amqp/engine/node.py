"""What lies between the engine, which knows frames, and the nodes, which know what the addresses mean.

The engine has an instance of `Nodes` made for each connection. A link on which the peer sends is an inlet here, one on
which it receives an outlet. Nodes never see a frame; the engine never sees a queue. Everything runs on one event loop.
Whatever a node raises is told to the peer as the AMQP error that belongs to it, and ends no more than the link.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.messaging.amqp.codec.performatives import Attach, Error, Outcome

Fields = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Transferred:
    """A message that has arrived whole; `payload` is its sections as they were encoded."""

    payload: bytes
    message_format: int
    is_settled: bool


class Peer(Protocol):
    """The connection, as its nodes see it."""

    @property
    def hostname(self) -> str | None:
        """What the peer's open frame named, in lower case."""

    def close(self, error: Error) -> None:
        """End the connection and say why."""


class Outlet(Protocol):
    """A link on which the peer receives.

    `credit` is how many deliveries may still be sent, 0 while the session's window is full. While `is_draining` the
    peer wants what there is now: send it, or use `drained`.
    """

    @property
    def credit(self) -> int: ...

    @property
    def is_draining(self) -> bool: ...

    def send(self, payload: bytes, *, tag: bytes, is_settled: bool) -> None:
        """Send one delivery, of credit that is there; returns at once and splits what is larger than a frame.

        Raises ValueError without credit of the link. What is sent on a link that is ending is dropped.
        """

    def drained(self) -> None:
        """Tell the peer that there is nothing more: uses up the credit."""

    def forget(self, tags: Collection[bytes]) -> None:
        """Await no outcome any more of the deliveries with these tags."""

    def detach(self, error: Error | None) -> None:
        """End the link and say why."""


class Inlet(Protocol):
    """A link on which the peer sends; the engine keeps its credit ample."""

    def detach(self, error: Error | None) -> None:
        """End the link and say why."""


class InletNode(Protocol):
    """Takes what the peer sends on one link."""

    async def transferred(self, message: Transferred) -> Outcome | None:
        """Return what the delivery is settled with; None leaves it to the node's own reply and means accepted.

        Called for each message at once, also while earlier calls run: order is the node's to keep, and its outcomes may
        come in any order. Raising answers `rejected` with the error. It runs at once, and until it first waits there is
        no current task: `asyncio.timeout` needs one.
        """

    async def oversized(self, beginning: bytes, error: Error) -> Outcome | None:
        """Return what a message is settled with that is larger than the link takes; raising is as in `transferred`."""

    async def ended(self) -> None:
        """The link or its connection is gone."""


class OutletNode(Protocol):
    """Sends to the peer on one link."""

    def credited(self) -> None:
        """Credit or the drain flag has changed."""

    async def settled(self, tag: bytes, outcome: Outcome | None) -> Outcome:
        """Carry out what the peer decided about a delivery, and return what to echo: the same when it was done.

        None is a settlement without a state. Raising echoes `rejected` with the error (facts: the SDK needs it so). It
        runs at once, as `transferred` does.
        """

    async def ended(self) -> None:
        """The link or its connection is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What an attach is answered with; `filters` are those of the source that are in force, for outlets."""

    node: Any
    filters: Fields | None = None
    properties: Fields | None = None


class Nodes(Protocol):
    """What serves the links of one connection. Both calls raise what refuses the attach."""

    async def attach_inlet(self, attach: Attach, inlet: Inlet) -> Attached:
        """`attached.node` is an InletNode."""

    async def attach_outlet(self, attach: Attach, outlet: Outlet) -> Attached:
        """`attached.node` is an OutletNode."""

    async def ended(self) -> None:
        """The connection is gone, after each of its links was told."""


NewNodes = Callable[[Peer], Nodes]
DescribeError = Callable[[BaseException], Error]
