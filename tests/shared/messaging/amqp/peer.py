"""A small AMQP peer that says exactly what a test has it say, right or wrong, and shows what it hears."""

import asyncio
from contextlib import suppress
from typing import Any, Self, TypeVar

from shared.messaging.amqp.codec.frames import (
    AMQP_HEADER,
    SASL_HEADER,
    Frame,
    FrameReader,
    ProtocolHeader,
    encode_frame,
)
from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Begin,
    Close,
    Flow,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    SaslPerformative,
    Source,
    Target,
    Transfer,
)
from shared.messaging.amqp.codec.values import Symbol

T = TypeVar("T")

PATIENCE = 10.0
ANONYMOUS = SaslInit(Symbol("ANONYMOUS"))


class Peer:
    """One socket; handles are whatever the test says, and so are ids."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader(max_frame_size=1 << 20)
        self._items: list[Frame | ProtocolHeader] = []
        self._window = 5000
        self.longest_frame = self.empty_frames = 0

    @classmethod
    async def connected(cls, port: int, **tls: Any) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port, **tls))

    @classmethod
    async def opened(cls, port: int, opening: Open | None = None) -> Self:
        """Return a peer whose connection is open."""
        peer = await cls.connected(port)
        await peer.open(opening)
        return peer

    @classmethod
    async def begun(cls, port: int, opening: Open | None = None, *, window: int = 5000) -> Self:
        """Return a peer that has a session on channel 1."""
        peer = await cls.connected(port)
        await peer.begin(opening, window=window)
        return peer

    async def open(self, opening: Open | None = None) -> None:
        await self.shake_hands()
        self.say(opening or Open("peer", "localhost"))
        await self.hear(Open)

    async def begin(self, opening: Open | None = None, *, window: int = 5000) -> None:
        await self.open(opening)
        self._window = window
        self.say(Begin(None, 0, window, 5000))
        await self.hear(Begin)

    async def shake_hands(self) -> None:
        self.write(SASL_HEADER)
        await self.hear(SaslMechanisms)
        self.say(ANONYMOUS)
        await self.hear(SaslOutcome)
        self.write(AMQP_HEADER)

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    @property
    def unsent(self) -> int:
        """How many bytes the other side has not made room for."""
        return self._writer.transport.get_write_buffer_size()

    def say(
        self,
        performative: Performative | SaslPerformative,
        payload: bytes = b"",
        *,
        channel: int | None = None,
    ) -> None:
        """Send a frame, unless told otherwise on channel 1 if it is a session's."""
        if channel is None:
            is_sessions = not isinstance(performative, (Open, Close, SaslInit))
            channel = 1 if is_sessions else 0
        self.write(encode_frame(channel, performative, payload))

    async def next(self) -> Frame | ProtocolHeader | None:
        """Return what comes next; None is the end."""
        async with asyncio.timeout(PATIENCE):
            while not self._items:
                try:
                    data = await self._reader.read(1 << 16)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self._items += self._frames.feed(data)
        item = self._items.pop(0)
        if isinstance(item, Frame) and item.performative is None:
            self.empty_frames += 1
        elif isinstance(item, Frame):
            size = len(encode_frame(item.channel, item.performative, item.payload))
            self.longest_frame = max(self.longest_frame, size)
        return item

    async def hear(self, kind: type[T]) -> T:
        """Return the next performative, which must be a `kind`."""
        performative, _ = await self.hear_frame(kind)
        return performative

    async def hear_frame(self, kind: type[T]) -> tuple[T, bytes]:
        """Return the next performative, which must be a `kind`, and the payload after it."""
        item = await self.next()
        while isinstance(item, ProtocolHeader):
            item = await self.next()
        assert item is not None, f"the connection ended where a {kind.__name__} was due"
        assert isinstance(item.performative, kind), item.performative
        return item.performative, item.payload

    async def hear_end(self) -> None:
        """Return at the end of the connection, before which nothing comes."""
        assert (item := await self.next()) is None, item
        await self.leave()

    async def attach_sender(self, address: str, *, handle: int = 0) -> Attach:
        """Attach to send to `address`; return the answer, after which credit has come."""
        self.say(sender(address, handle))
        answer = await self.hear(Attach)
        await self.hear(Flow)
        return answer

    async def attach_receiver(self, address: str, *, handle: int = 1, credit: int = 0) -> Attach:
        """Attach to receive from `address`; return the answer."""
        self.say(receiver(address, handle))
        answer = await self.hear(Attach)
        if credit:
            self.say(credit_flow(handle, credit, window=self._window))
        return answer

    async def close(self) -> None:
        """End the connection as one should; what comes before the answer is not looked at."""
        self.say(Close())
        item = await self.next()
        while not (isinstance(item, Frame) and isinstance(item.performative, Close)):
            assert item is not None, "the connection ended without a close"
            item = await self.next()
        assert item.performative.error is None, item.performative.error
        await self.leave()

    async def leave(self) -> None:
        """Cut the connection without a word."""
        self._writer.close()
        with suppress(ConnectionResetError):
            await self._writer.wait_closed()


def sender(address: str, handle: int = 0) -> Attach:
    return Attach(
        f"sender-{handle}",
        handle,
        SENDER,
        snd_settle_mode=0,
        rcv_settle_mode=0,
        source=Source(f"from-{handle}"),
        target=Target(address),
        initial_delivery_count=0,
    )


def receiver(address: str, handle: int = 1) -> Attach:
    return Attach(
        f"receiver-{handle}",
        handle,
        RECEIVER,
        snd_settle_mode=0,
        rcv_settle_mode=1,
        source=Source(address),
        target=Target(f"to-{handle}"),
    )


def credit_flow(
    handle: int,
    credit: int,
    *,
    delivery_count: int = 0,
    drain: bool | None = None,
    window: int = 5000,
) -> Flow:
    return Flow(0, window, 0, 5000, handle, delivery_count, credit, drain=drain)


def transfer(delivery_id: int, *, handle: int = 0, **fields: Any) -> Transfer:
    return Transfer(handle, delivery_id, delivery_id.to_bytes(4), 0, **fields)
