"""Open links to queues and topics of Service Bus, by the SDK.

To open one takes half a second, so it is kept for a while; to use one twice at once the SDK does not allow, so those
who want the same wait for each other. A link on which something failed, or was given up, is not used again. Service Bus
drops links that are idle for some minutes; we close ours before, and what has broken all the same is opened anew.
"""

import asyncio
import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from azure.core.credentials import AzureNamedKeyCredential
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from shared.clock import Clock
from shared.scheduler.actions.not_sent import NotSent, NotSentError
from shared.scheduler.actions.service_bus_errors import not_sent

KEPT = 100
IDLE = timedelta(seconds=60)
# The SDK keeps to the limit that it is given, but for the one or other wait.
GRACE = timedelta(seconds=1)
SHORTEST = timedelta(milliseconds=10)
CLOSED_WITHIN = timedelta(seconds=5)
PLAIN = "amqp://"

Key = tuple[str, str, str, bytes]


@dataclass(frozen=True, slots=True)
class Address:
    """A queue or topic of a namespace, and the key that may send there."""

    namespace: str
    entity: str
    key_name: str
    key: str = field(repr=False)

    @property
    def link(self) -> Key:
        """What links are told apart by; the secret is not in it."""
        digest = hashlib.sha256(self.key.encode()).digest()
        return self.namespace.lower(), self.entity.lower(), self.key_name, digest


@dataclass(eq=False, slots=True)
class Link:
    """`users` wait for it or use it; one that is `dropped` is nobody's to begin with."""

    key: Key
    client: ServiceBusClient
    sender: ServiceBusSender
    used_at: datetime
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    has_sent: bool = False
    is_dropped: bool = False


class Senders:
    """Sends over links that it keeps; used on one event loop.

    `endpoint` has `{namespace}` where its name belongs; its scheme says whether there is TLS.
    """

    def __init__(
        self, endpoint: str, *, clock: Clock, kept: int = KEPT, idle: timedelta = IDLE
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._most = kept
        self._idle = idle
        self._links: OrderedDict[Key, Link] = OrderedDict()
        self._watch: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def send(
        self, address: Address, message: ServiceBusMessage, *, time_limit: timedelta
    ) -> None:
        """Send a message; returns when the broker has it.

        Raises:
            NotSentError: says why; whether the message arrived is known to nobody after a timeout or a broken link.
        """
        ends_at = self._clock.now() + time_limit
        try:
            async with asyncio.timeout((time_limit + GRACE).total_seconds()):
                while not await self._sent(address, message, ends_at, time_limit):
                    pass
        except TimeoutError as error:
            raise NotSentError(NotSent.TIMEOUT) from error

    async def close(self) -> None:
        """Close every link; the next message opens new ones."""
        for link in list(self._links.values()):
            self._drop(link)
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait((self._watch,))
            self._watch = None
        if self._closing:
            await asyncio.wait(self._closing)

    async def _sent(
        self,
        address: Address,
        message: ServiceBusMessage,
        ends_at: datetime,
        time_limit: timedelta,
    ) -> bool:
        """Return False when the link turns out to be none, and another one is to be taken."""
        async with self._taken(address) as link:
            if link.is_dropped:
                return False
            left = min(max(ends_at - self._clock.now(), SHORTEST), time_limit)
            try:
                await link.sender.send_messages(message, timeout=left.total_seconds())
            except Exception as error:  # the SDK may break in any way over what a broker sends
                failure = not_sent(error)
                self._drop(link)
                if link.has_sent and failure.kind is NotSent.UNREACHABLE:
                    return False
                raise failure from error
            except asyncio.CancelledError:
                self._drop(link)
                raise
            link.has_sent = True
            return True

    @contextlib.asynccontextmanager
    async def _taken(self, address: Address) -> AsyncIterator[Link]:
        """Yield the link of `address` to one after the other."""
        link = self._links.get(address.link) or self._opened(address)
        self._links.move_to_end(address.link)
        link.users += 1
        try:
            async with link.lock:
                yield link
        finally:
            link.users -= 1
            link.used_at = self._clock.now()
            self._trim()

    def _opened(self, address: Address) -> Link:
        """Return a new link, which the SDK opens when it is first used."""
        # Not by a connection string: it is taken apart at semicolons, which a key may have.
        client = ServiceBusClient(
            host_of(address.namespace, self._endpoint),
            AzureNamedKeyCredential(address.key_name, address.key),
            retry_total=0,
            use_tls=not self._endpoint.startswith(PLAIN),
        )
        # Without its heartbeats closing takes no second, and they would keep idle links alive.
        sender = client.get_queue_sender(address.entity, keep_alive=None)
        link = Link(address.link, client, sender, self._clock.now())
        self._links[address.link] = link
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._close_idle())
        return link

    def _drop(self, link: Link) -> None:
        """Use `link` no more."""
        if link.is_dropped:
            return
        link.is_dropped = True
        del self._links[link.key]
        task = asyncio.create_task(close(link))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _trim(self) -> None:
        unused = [link for link in self._links.values() if link.users == 0]
        for link in unused[: max(0, len(self._links) - self._most)]:
            self._drop(link)

    async def _close_idle(self) -> None:
        while self._links:
            await self._clock.sleep(self._idle)
            since = self._clock.now() - self._idle
            for link in list(self._links.values()):
                if link.users == 0 and link.used_at <= since:
                    self._drop(link)


def host_of(namespace: str, endpoint: str) -> str:
    """Return where a namespace is: whatever its name, within the domain that the operator wrote (P9)."""
    return endpoint.partition("://")[2].replace("{namespace}", namespace)


async def close(link: Link) -> None:
    # What cannot be closed in time is left to the garbage collector: nobody waits for it.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSED_WITHIN.total_seconds()):
            await link.client.close()
