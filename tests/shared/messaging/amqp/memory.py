"""Nodes that keep messages in memory: what comes in on an address goes out on it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from shared.errors import EntityNotFoundError, MessageLockLostError, TocsinError
from shared.messaging.amqp.codec.performatives import Accepted, Attach, Error, Outcome, Rejected
from shared.messaging.amqp.codec.values import Symbol
from shared.messaging.amqp.engine.node import Attached, Inlet, Outlet, Transferred
from shared.messaging.amqp.engine.node import Peer as EnginePeer

NOT_FOUND = "amqp:not-found"
LOCK_LOST = "com.microsoft:message-lock-lost"


def describe(failure: BaseException) -> Error:
    if isinstance(failure, EntityNotFoundError):
        return Error(NOT_FOUND, str(failure))
    if isinstance(failure, MessageLockLostError):
        return Error(LOCK_LOST, str(failure))
    return Error("amqp:internal-error", f"{type(failure).__name__}: {failure}")


@dataclass(eq=False)
class Memory:
    """What all connections of one server share.

    Messages to `slow` wait for `gate`, as do its settlements and attaches to `pending`. There is no `gone`; what is
    called `broken` fails, be it address or host.
    """

    messages: dict[str, deque[bytes]] = field(default_factory=dict)
    inlets: list["MemoryInlet"] = field(default_factory=list)
    outlets: list["MemoryOutlet"] = field(default_factory=list)
    settlements: list[tuple[bytes, Outcome | None]] = field(default_factory=list)
    arrived: list[Transferred] = field(default_factory=list)
    beginnings: list[bytes] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    peers: list[EnginePeer] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def nodes(self, peer: EnginePeer) -> "MemoryNodes":
        if peer.hostname == "broken":
            raise RuntimeError("asked to fail")
        self.peers.append(peer)
        return MemoryNodes(self)

    def put(self, address: str, payload: bytes) -> None:
        self.messages.setdefault(address, deque()).append(payload)
        for outlet in list(self.outlets):
            outlet.credited()


class MemoryNodes:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def attach_inlet(self, attach: Attach, inlet: Inlet) -> Attached:
        assert attach.target is not None
        address = await self._address(getattr(attach.target, "address", None))
        node = MemoryInlet(self._memory, address, inlet)
        self._memory.inlets.append(node)
        return Attached(node=node)

    async def attach_outlet(self, attach: Attach, outlet: Outlet) -> Attached:
        assert attach.source is not None
        address = await self._address(attach.source.address)
        node = MemoryOutlet(self._memory, address, outlet)
        self._memory.outlets.append(node)
        return Attached(
            node=node,
            filters=attach.source.filter,
            properties={Symbol("test:address"): address},
        )

    async def ended(self) -> None:
        self._memory.ended.append("nodes")

    async def _address(self, address: str | None) -> str:
        if address == "gone":
            raise EntityNotFoundError("there is no 'gone'")
        if address == "pending":
            await self._memory.gate.wait()
        return str(address)


@dataclass(eq=False)
class MemoryInlet:
    memory: Memory
    address: str
    inlet: Inlet

    async def transferred(self, message: Transferred) -> Outcome | None:
        self.memory.arrived.append(message)
        if message.payload == b"fail":
            raise MessageLockLostError("asked to fail")
        if self.address == "slow":
            await self.memory.gate.wait()
        self.memory.put(self.address, message.payload)
        return Accepted() if message.payload != b"quiet" else None

    async def oversized(self, beginning: bytes, error: Error) -> Outcome:
        self.memory.beginnings.append(beginning)
        return Rejected(error)

    async def ended(self) -> None:
        self.memory.inlets.remove(self)
        self.memory.ended.append(f"inlet {self.address}")


@dataclass(eq=False)
class MemoryOutlet:
    memory: Memory
    address: str
    outlet: Outlet
    sent: int = 0
    looks: int = 0

    def credited(self) -> None:
        self.looks += 1
        waiting = self.memory.messages.setdefault(self.address, deque())
        while waiting and self.outlet.credit > 0:
            self.sent += 1
            self.outlet.send(
                waiting.popleft(),
                tag=self.sent.to_bytes(16),
                is_settled=self.address == "settled",
            )
        if self.outlet.is_draining and self.outlet.credit:
            self.outlet.drained()
        if self.address == "broken":
            raise TocsinError("asked to fail")

    async def settled(self, tag: bytes, outcome: Outcome | None) -> Outcome:
        self.memory.settlements.append((tag, outcome))
        if self.address == "slow":
            await self.memory.gate.wait()
        if self.address == "lost":
            raise MessageLockLostError("the lock has expired")
        return outcome or Accepted()

    async def ended(self) -> None:
        self.memory.outlets.remove(self)
        self.memory.ended.append(f"outlet {self.address}")
