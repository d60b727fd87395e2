import asyncio

from shared.messaging.amqp.engine.writer import AT_ONCE, FrameWriter
from tests.clocks import settle


class CountingTransport(asyncio.Transport):
    """Keeps each piece that is written."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


def connected() -> tuple[FrameWriter, list[bytes]]:
    writer, transport = FrameWriter(), CountingTransport()
    writer.connected(transport)
    return writer, transport.pieces


async def test_what_one_turn_writes_goes_out_in_one_piece() -> None:
    writer, pieces = connected()

    writer.write(b"a")
    writer.write(b"b")
    assert pieces == []
    await settle(2)
    writer.write(b"c")
    await settle(2)

    assert pieces == [b"ab", b"c"]


async def test_what_is_much_goes_out_at_once() -> None:
    writer, pieces = connected()

    writer.write(b"a")
    writer.write(bytes(AT_ONCE))

    assert [len(piece) for piece in pieces] == [AT_ONCE + 1]


async def test_what_is_asked_for_at_the_flush_goes_out_with_it() -> None:
    writer, pieces = connected()

    def last() -> None:
        writer.write(b"c")
        writer.at_flush(lambda: writer.write(b"d"))

    writer.at_flush(last)
    writer.write(b"a")
    writer.write(b"b")
    await settle(3)
    writer.write(b"e")
    await settle(3)

    assert pieces == [b"abcd", b"e"]


async def test_a_held_writer_waits_for_the_flush() -> None:
    writer, pieces = connected()

    writer.hold()
    writer.write(b"a")
    await settle(3)
    assert pieces == []
    writer.flush()

    assert pieces == [b"a"]


async def test_nothing_is_kept_for_a_peer_that_has_left() -> None:
    writer, pieces = connected()
    writer.write(b"a")

    writer.disconnected()
    writer.write(b"b")
    writer.at_flush(lambda: pieces.append(b"asked"))
    await settle(3)

    assert pieces == []
