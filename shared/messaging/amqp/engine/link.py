"""What inlets and outlets have in common: attaching, detaching and their end (AMQP 1.0 part 2, 2.6)."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from typing import Any, Protocol

from shared.messaging.amqp.codec.performatives import SENDER, Attach, Detach, Error, Flow
from shared.messaging.amqp.engine.channel import Channel
from shared.messaging.amqp.engine.node import Attached
from shared.messaging.amqp.engine.runner import Runner

NO_ATTACH = Attach("", 0, SENDER)


class LinkState(Enum):
    """DETACHING is after our detach, until the peer's has come: what it sent before is dropped.

    PARTING is after the peer's, until what it sent before is decided: a client that closes is owed its outcomes.
    """

    ATTACHING = auto()
    ATTACHED = auto()
    PARTING = auto()
    DETACHING = auto()
    ENDED = auto()


class EndingNode(Protocol):
    """What the nodes of both kinds are told."""

    async def ended(self) -> None: ...


class Link(ABC):
    """One link; its handle is the same number in both directions.

    There is no resuming: a link that is detached is gone, closed or not.
    """

    def __init__(
        self, attach: Attach, channel: "Channel[Link]", runner: Runner, *, max_message_size: int
    ) -> None:
        self.handle = attach.handle
        self.state = LinkState.ATTACHING
        self._attach = attach
        self._channel = channel
        self._runner = runner
        self._max_message_size = max_message_size
        self._attaching: asyncio.Task[None] | None = None
        self._deciding = 0
        self._answer = Detach(attach.handle)
        self._parted: Callable[[Link], None] | None = None

    @property
    def is_told(self) -> bool:
        """Whether the peer still listens for outcomes."""
        return self.state in (LinkState.ATTACHED, LinkState.PARTING)

    def begin(self, attaching: Coroutine[Any, Any, Attached]) -> None:
        """Answer the attach once `attaching` has decided it."""
        self._attaching = self._runner.start(attaching, self._decided)

    def detach(self, error: Error | None) -> None:
        """End the link and say why; nothing if it has ended."""
        if self.state is LinkState.PARTING:
            self._answer = Detach(self.handle, True, error)
            self.part()
        if self.state in (LinkState.DETACHING, LinkState.ENDED):
            return
        if self.state is LinkState.ATTACHING:
            # The SDK reads the error only of a link whose attach lacks the terminus that we would be (facts §1).
            self._channel.send(self._refusal())
        self._channel.send_last(Detach(self.handle, True, error))
        self._leave(LinkState.DETACHING)

    def detached(self, detach: Detach, parted: Callable[["Link"], None]) -> None:
        """Answer the peer's detach, at once or when what came before is decided; then `parted` is told."""
        self._parted = parted
        self._answer = Detach(self.handle, bool(detach.closed))
        if self.state is LinkState.ATTACHED and self._deciding:
            self.state = LinkState.PARTING
            self._parting()
        else:
            self.part()

    def part(self) -> None:
        """Answer the peer's detach now."""
        if self.state is LinkState.ATTACHING:
            self._channel.send(self._refusal())
        if self.state is not LinkState.DETACHING:
            self._channel.send_last(self._answer)
        self.end()
        if self._parted is not None:
            self._parted(self)

    def end(self) -> None:
        """The link is gone, with its session or by a detach."""
        self._leave(LinkState.ENDED)

    @abstractmethod
    def flowed(self, flow: Flow) -> None:
        """Take over what the peer says of the link."""

    @abstractmethod
    def _reply(self, attached: Attached) -> Attach: ...

    @abstractmethod
    def _refusal(self) -> Attach: ...

    @abstractmethod
    def _attached(self, node: Any) -> None:
        """The reply has been sent."""

    @abstractmethod
    def _parting(self) -> None:
        """The peer has detached; the node goes on with what it has begun."""

    @abstractmethod
    def _forget_node(self) -> EndingNode | None:
        """Return the node, and have none from now on."""

    def _decided(self, attached: Attached | None, failure: Exception | None) -> None:
        self._attaching = None
        if self.state is not LinkState.ATTACHING:
            # The peer has left meanwhile, and the node has not noticed that it was cancelled.
            if attached is not None:
                self._runner.end(attached.node.ended())
        elif attached is None:
            self.detach(self._runner.error_of(failure) if failure else None)
        else:
            self.state = LinkState.ATTACHED
            self._channel.send(self._reply(attached))
            self._attached(attached.node)

    def _decision_begins(self) -> None:
        self._deciding += 1

    def _decision_ends(self) -> None:
        self._deciding -= 1
        if self._deciding == 0 and self.state is LinkState.PARTING:
            self.part()

    def _leave(self, state: LinkState) -> None:
        self.state = state
        # It may be as long as a frame, and a peer that does not answer our detach has us keep the link.
        self._attach = NO_ATTACH
        self._channel.forget(self)
        if self._attaching is not None:
            self._attaching.cancel()
            self._attaching = None
        node = self._forget_node()
        if node is not None:
            self._runner.end(node.ended())
