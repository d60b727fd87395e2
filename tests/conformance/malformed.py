"""Conversations that clients have had, and what becomes of them when they are made wrong at random."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from shared.messaging.amqp.codec.encoding import encode
from shared.messaging.amqp.codec.values import Described, Symbol, UInt, ULong

Units = list[bytes]

# Of the performatives, and of what is none.
DESCRIPTORS = (*range(0x10, 0x19), 0x1D, 0x24, 0x28, 0x41, 0x75, 2**40)
# What a field may be told wrongly: of the right type or not, on the edge or beyond it.
WRONG: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 255, 256, 2**31, UInt(2**32 - 1), -1, 0.5, "", "x", "\x00" * 300, b"", b"x" * 40,
    Symbol("amqp:x"), [], [[]], {}, {"a": {}}, Described(ULong(0x28), ["orders"]), Described(ULong(0x29), ["orders"]),
    Described(ULong(0x24), []), Described(ULong(0x23), [1, 1]), Described(ULong(0x25), [[]]), Described("x", None),
)  # fmt: skip
# The constructors of numbers, with how many bytes follow.
WIDTHS = {0x53: 1, 0x54: 1, 0x55: 1, 0x70: 4, 0x71: 4, 0x80: 8, 0x81: 8, 0x83: 8}
EDGES = (b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x80" + bytes(7), bytes(8))
TRANSFER = b"\x00\x53\x14"
LOOPBACK = "127.0.0.1"


class Relay:
    """Passes connections on to a server and keeps what the client has said on each."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.conversations: list[bytearray] = []

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._pass, LOOPBACK, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, self._port)
        said = bytearray()
        self.conversations.append(said)
        await asyncio.gather(
            self._copy(reader, back, keep=said), self._copy(there, writer, keep=bytearray())
        )

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bytearray
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                keep += data
                writer.write(data)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def units_of(said: bytes) -> Units:
    """Cut a conversation into protocol headers and frames."""
    units, at = [], 0
    while at < len(said):
        size = 8 if said[at : at + 4] == b"AMQP" else int.from_bytes(said[at : at + 4])
        units.append(said[at : at + size])
        at += size
    return units


def mutated(units: Units, random: Random) -> Units:
    """Return the conversation with one to three things wrong."""
    units = list(units)
    for _ in range(random.randint(1, 3)):
        random.choice(MUTATIONS)(units, random)
    return units


def flip(units: Units, random: Random) -> None:
    at = random.randrange(len(units))
    unit = bytearray(units[at] or b"\0")
    for _ in range(random.randint(1, 4)):
        unit[random.randrange(len(unit))] = random.randrange(256)
    units[at] = bytes(unit)


def cut(units: Units, random: Random) -> None:
    at = random.randrange(len(units))
    units[at] = units[at][: random.randrange(len(units[at]) + 1)]


def repeat(units: Units, random: Random) -> None:
    units.insert(random.randrange(len(units) + 1), random.choice(units))


def drop(units: Units, random: Random) -> None:
    if len(units) > 1:
        del units[random.randrange(len(units))]


def swap(units: Units, random: Random) -> None:
    one, other = random.randrange(len(units)), random.randrange(len(units))
    units[one], units[other] = units[other], units[one]


def resize(units: Units, random: Random) -> None:
    at = random.randrange(len(units))
    size = random.choice((0, 1, 7, 8, 9, 511, 65_536, 65_537, 2**31, 2**32 - 1))
    units[at] = size.to_bytes(4) + units[at][4:]


def rechannel(units: Units, random: Random) -> None:
    at = random.randrange(len(units))
    channel = random.choice((0, 1, 2, 999, 1000, 65_535))
    units[at] = units[at][:6] + channel.to_bytes(2) + units[at][8:]


def noise(units: Units, random: Random) -> None:
    units.insert(random.randrange(len(units) + 1), random.randbytes(random.randint(1, 200)))


def exaggerate(units: Units, random: Random) -> None:
    """Put the largest, the smallest or no number where one may be; it is left as wide as it was."""
    at = random.randrange(len(units))
    unit = bytearray(units[at])
    places = [(place, WIDTHS[code]) for place, code in enumerate(unit) if code in WIDTHS]
    for place, width in random.sample(places, min(2, len(places))):
        number = random.choice(EDGES)[:width]
        if place + len(number) < len(unit):
            unit[place + 1 : place + 1 + len(number)] = number
    units[at] = bytes(unit)


def invent(units: Units, random: Random) -> None:
    """Put in a frame with any values in its fields, more or fewer than it should have."""
    values = [random.choice(WRONG) for _ in range(random.randint(0, 14))]
    body = encode(Described(ULong(random.choice(DESCRIPTORS)), values)) + random.randbytes(20)
    head = (8 + len(body)).to_bytes(4) + b"\x02\x00" + random.choice((0, 1, 1, 2)).to_bytes(2)
    units.insert(random.randrange(len(units) // 2, len(units) + 1), head + body)


MUTATIONS: tuple[Callable[[Units, Random], None], ...] = (
    flip, flip, cut, repeat, drop, swap, resize, rechannel, noise, exaggerate, exaggerate, invent, invent, invent,
)  # fmt: skip


async def say(port: int, units: Units, random: Random) -> bytes:
    """Say it all on a connection of its own, in some pieces, and return what is answered until the end."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    answered = b""
    with suppress(OSError):
        pauses = {random.randrange(len(units) + 1) for _ in range(2)}
        is_patient = random.random() < 0.5
        for number, unit in enumerate(units):
            if number in pauses or (is_patient and TRANSFER in unit[:16]):
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.005):
                        answered += await reader.read(1 << 16)
            writer.write(unit)
        if random.random() < 0.8:
            writer.write_eof()
            answered += await reader.read()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return answered
