"""A node that answers requests: they arrive on its inlets, the answers leave on its outlets."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from shared.errors import EntityNotFoundError, MessageSizeExceededError, TransientError
from shared.messaging.amqp.codec.performatives import (
    Accepted,
    Attach,
    Error,
    Outcome,
    Released,
    Target,
)
from shared.messaging.amqp.engine.node import Outlet, Transferred
from shared.messaging.amqp.nodes.requests import Request, read_beginning, read_request

AT_ONCE = 16
MOST_LINKS = 1000
MAX_WAITING = 4 * 2**20

Answer = Callable[[Request], Awaitable[bytes]]


class RequestNode:
    """The node of one address and one connection; a few requests are answered side by side.

    An answer may be a thousand times as large as its request, so there is an end to what waits for a peer to take it.
    """

    def __init__(self, answer: Answer, *, most_links: int = MOST_LINKS) -> None:
        """`most_links` of each direction may be attached at a time."""
        self._answer = answer
        self._most_links = most_links
        self._inlets = 0
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answers: list[AnswerLink] = []

    def add_inlet(self) -> "RequestNode":
        """Return the node of a link on which requests arrive."""
        self._check_room(self._inlets)
        self._inlets += 1
        return self

    def add_outlet(self, attach: Attach, outlet: Outlet) -> "AnswerLink":
        """Return the node of a link on which answers leave."""
        self._check_room(len(self._answers))
        names = {attach.name}
        if isinstance(attach.target, Target) and attach.target.address is not None:
            names.add(attach.target.address)
        link = AnswerLink(outlet, names, self._answers.remove)
        self._answers.append(link)
        return link

    async def transferred(self, message: Transferred) -> Outcome:
        return await self._respond(read_request(message.payload))

    async def oversized(self, beginning: bytes, error: Error) -> Outcome:
        """Answer it: the SDKs give up a link on which a request was rejected, and with it every later one."""
        fault = MessageSizeExceededError(str(error.description))
        return await self._respond(read_beginning(beginning, fault))

    async def ended(self) -> None:
        self._inlets -= 1

    def _check_room(self, links: int) -> None:
        if links >= self._most_links:
            raise TransientError(f"the connection has {links} links to this node already")

    async def _respond(self, request: Request) -> Outcome:
        async with self._room:
            link = self._link(request)
            link.send(await self._answer(request))
        return Accepted()

    def _link(self, request: Request) -> "AnswerLink":
        """Return the link that the request names as where to reply; clients with one link name it as they like."""
        if not self._answers:
            raise EntityNotFoundError(
                "no link of this connection receives the answers of this node"
            )
        named = (link for link in self._answers if request.reply_to in link.names)
        link = next(named, self._answers[-1])
        if link.waiting >= MAX_WAITING:
            raise TransientError(f"answers of {link.waiting} bytes wait for credit")
        return link


class AnswerLink:
    """A link on which answers leave, settled, as there is credit; `waiting` counts the bytes of those that do not."""

    def __init__(
        self, outlet: Outlet, names: set[str], forget: Callable[["AnswerLink"], None]
    ) -> None:
        self.names = names
        self._outlet = outlet
        self._forget = forget
        self._waiting: deque[bytes] = deque()
        self._sent = 0
        self.waiting = 0
        self._has_ended = False

    def send(self, answer: bytes) -> None:
        """Send when there is credit; what is asked on a link that has ended gets no answer."""
        if not self._has_ended:
            self._waiting.append(answer)
            self.waiting += len(answer)
            self.credited()

    def credited(self) -> None:
        while self._waiting and self._outlet.credit > 0:
            self._sent += 1
            tag = self._sent.to_bytes(8)
            answer = self._waiting.popleft()
            self.waiting -= len(answer)
            self._outlet.send(answer, tag=tag, is_settled=True)
        if self._outlet.is_draining:
            self._outlet.drained()

    async def settled(self, tag: bytes, outcome: Outcome | None) -> Outcome:
        return outcome or Released()

    async def ended(self) -> None:
        self._has_ended = True
        self._forget(self)
