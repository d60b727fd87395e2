"""What the links of one session share towards the wire (AMQP 1.0 part 2, 2.5.6).

Transfer ids count frames, delivery ids count messages, both from 0 and modulo 2^32. The peer's transfers are limited by
our incoming window, ours by the peer's; what was to be sent and does not fit waits here, and while it does no link of
the session has credit. What the peer's messages come to is told at the end of a turn, in ranges.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Generic, TypeVar

from shared.messaging.amqp.codec.faults import WINDOW_VIOLATION, SessionFaultError
from shared.messaging.amqp.codec.frames import encode_frame
from shared.messaging.amqp.codec.performatives import (
    RECEIVER,
    SENDER,
    Begin,
    Disposition,
    Flow,
    Outcome,
    Performative,
    Transfer,
)
from shared.messaging.amqp.engine.writer import FrameWriter

WINDOW = 5000
MOST_UNSETTLED = 10_000
# What a transfer takes beside its payload: the frame's head, the performative and a tag of 32 bytes.
TRANSFER_HEAD = 96

MODULUS = 1 << 32
HALF = 1 << 31

Owner = TypeVar("Owner")


def serial_distance(later: int, earlier: int) -> int:
    """Return how far `later` is ahead, 0 when it is not: serial numbers wrap (RFC 1982)."""
    distance = (later - earlier) % MODULUS
    return distance if distance < HALF else 0


def known_between(known: Collection[int], first: int, last: int) -> list[int]:
    """Return those of the known serial numbers that are in a range, which may wrap and be as wide as the peer likes."""
    span = (last - first) % MODULUS
    if span < len(known):
        wide = (number % MODULUS for number in range(first, first + span + 1))
        return [number for number in wide if number in known]
    return [number for number in known if (number - first) % MODULUS <= span]


class Channel(Generic[Owner]):
    """`Owner` is whose a delivery is: the link that sent it."""

    def __init__(
        self, number: int, begin: Begin, writer: FrameWriter, *, max_frame_size: int
    ) -> None:
        self._number = number
        self._writer = writer
        self._max_payload = max_frame_size - TRANSFER_HEAD
        self._next_incoming_id = begin.next_outgoing_id
        self._incoming_window = WINDOW
        self._next_outgoing_id = 0
        self._peer_window = begin.incoming_window
        self._next_delivery_id = 0
        self._unsettled: dict[int, tuple[Owner, bytes]] = {}
        self._waiting: deque[tuple[Owner, bytes | Callable[[], None]]] = deque()
        self._outcomes = Outcomes(RECEIVER, self.send, writer)
        self.settle = self._outcomes.add
        self.has_room_again: Callable[[], None] = lambda: None

    @property
    def room(self) -> int:
        """How many deliveries may be sent now."""
        if self._waiting or self._writer.is_paused:
            return 0
        return max(0, min(self._peer_window, MOST_UNSETTLED - len(self._unsettled)))

    @property
    def is_window_low(self) -> bool:
        """Whether it is time for a flow, which opens the window anew."""
        return self._incoming_window <= WINDOW // 2

    def send(self, performative: Performative) -> None:
        self._writer.send(self._number, performative)

    def echo(self, delivery_id: int, outcome: Outcome) -> None:
        """Say that the peer's settlement was carried out, in a frame of its own.

        Of the SDK's calls that settle side by side each reads a frame before it looks whether it was told: one frame
        for several leaves the others reading until that times out, 200 ms.
        """
        self.send(Disposition(SENDER, delivery_id, delivery_id, True, outcome))

    def send_last(self, performative: Performative) -> None:
        """Send it after everything that was decided before."""
        self._outcomes.write()
        self.send(performative)

    def send_flow(
        self,
        handle: int | None = None,
        *,
        delivery_count: int | None = None,
        link_credit: int | None = None,
        drain: bool | None = None,
    ) -> None:
        """Open our window anew and say where we are; all of a link's fields or none (facts §1)."""
        self._incoming_window = WINDOW
        self.send(
            Flow(
                next_incoming_id=self._next_incoming_id,
                incoming_window=WINDOW,
                next_outgoing_id=self._next_outgoing_id,
                outgoing_window=WINDOW,
                handle=handle,
                delivery_count=delivery_count,
                link_credit=link_credit,
                drain=drain,
            )
        )

    def flowed(self, flow: Flow) -> None:
        """Take over what the peer says of the session."""
        # The SDK counts messages here where frames are meant; since it is believed, that does no harm.
        self._next_incoming_id = flow.next_outgoing_id
        self._peer_window = max(
            0,
            flow.incoming_window
            - serial_distance(self._next_outgoing_id, flow.next_incoming_id or 0),
        )
        while self._waiting and self._peer_window:
            self._say(self._waiting.popleft()[1])
        while self._waiting and callable(self._waiting[0][1]):
            self._say(self._waiting.popleft()[1])

    def received(self) -> None:
        """Count a transfer of the peer's. Raises SessionFaultError."""
        if self._incoming_window == 0:
            raise SessionFaultError(
                WINDOW_VIOLATION, f"more than {WINDOW} transfers without a flow"
            )
        self._incoming_window -= 1
        self._next_incoming_id = (self._next_incoming_id + 1) % MODULUS

    def deliver(
        self, owner: Owner, handle: int, payload: bytes, *, tag: bytes, is_settled: bool
    ) -> None:
        """Send a message in as many transfers as it takes."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) % MODULUS
        if not is_settled:
            self._unsettled[delivery_id] = owner, tag
        # A message without a byte still takes a frame.
        ends = range(self._max_payload, max(len(payload), 1) + self._max_payload, self._max_payload)
        for end in ends:
            transfer = Transfer(handle, more=end < len(payload))
            if end == self._max_payload:
                transfer.delivery_id, transfer.delivery_tag = delivery_id, tag
                transfer.message_format, transfer.settled = 0, is_settled
            part = payload[end - self._max_payload : end]
            self._transfer(owner, encode_frame(self._number, transfer, part))

    def after_transfers(self, owner: Owner, say: Callable[[], None]) -> None:
        """Call `say` once what waits has been sent, instead of what the owner wanted said then before."""
        if self._waiting:
            others = (
                each for each in self._waiting if each[0] is not owner or not callable(each[1])
            )
            self._waiting = deque(others)
            self._waiting.append((owner, say))
        else:
            say()

    def settled(self, first: int, last: int) -> Iterator[tuple[int, Owner, bytes]]:
        """Forget and return the deliveries from `first` to `last` that are unsettled, with their tags."""
        for delivery_id in known_between(self._unsettled, first, last):
            yield delivery_id, *self._unsettled.pop(delivery_id)

    def forget_deliveries(self, owner: Owner, tags: Collection[bytes]) -> None:
        """Drop those of a link of which nothing is to be settled any more."""
        had_room = self.room > 0
        for delivery_id, (whose, tag) in list(self._unsettled.items()):
            if whose is owner and tag in tags:
                del self._unsettled[delivery_id]
        if not had_room and self.room:
            self.has_room_again()

    def forget(self, owner: Owner) -> None:
        """Drop what is unsettled or waits on a link that has ended."""
        gone = [id_ for id_, (whose, _) in self._unsettled.items() if whose is owner]
        for delivery_id in gone:
            del self._unsettled[delivery_id]
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not owner)

    def _transfer(self, owner: Owner, frame: bytes) -> None:
        if self._waiting or not self._peer_window:
            self._waiting.append((owner, frame))
        else:
            self._say(frame)

    def _say(self, what: bytes | Callable[[], None]) -> None:
        if not isinstance(what, bytes):
            what()
            return
        self._peer_window -= 1
        self._next_outgoing_id = (self._next_outgoing_id + 1) % MODULUS
        self._writer.write(what)


class Outcomes:
    """What the peer's deliveries were settled with since the last flush; ranges of one outcome go in one frame."""

    def __init__(
        self, role: bool, send: Callable[[Performative], None], writer: FrameWriter
    ) -> None:
        self._role = role
        self._send = send
        self._writer = writer
        self._settled: list[tuple[int, Outcome]] = []

    def add(self, delivery_id: int, outcome: Outcome) -> None:
        if not self._settled:
            self._writer.at_flush(self.write)
        self._settled.append((delivery_id, outcome))

    def write(self) -> None:
        settled, self._settled = self._settled, []
        settled.sort(key=_id)
        start = 0
        for end in range(1, len(settled) + 1):
            if end < len(settled) and _goes_on(settled[end - 1], settled[end]):
                continue
            first, outcome = settled[start]
            self._send(Disposition(self._role, first, settled[end - 1][0], True, outcome))
            start = end


def _id(settled: tuple[int, Outcome]) -> int:
    return settled[0]


def _goes_on(one: tuple[int, Outcome], other: tuple[int, Outcome]) -> bool:
    return other[0] == one[0] + 1 and (other[1] is one[1] or other[1] == one[1])
