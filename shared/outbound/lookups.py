"""Lookups of names that leave each other alone: a name whose DNS does not answer holds up nobody else.

A lookup cannot be stopped once its thread is in the system's resolver, so each name has at most one, which all who ask
share, and which ends for them after a time of its own. The name then counts as dead until its thread comes back, and
for a while afterwards.
"""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

logger = logging.getLogger(__name__)

THREADS = 64
TIME_LIMIT = timedelta(seconds=10)
DEAD_FOR = timedelta(seconds=15)

Found = tuple[tuple[socket.AddressFamily, str], ...]
Outcome = Found | socket.gaierror
LookUp = Callable[[str], Found]


def look_up(host: str) -> Found:
    """Return the addresses of `host` in the system's order.

    Raises:
        socket.gaierror: there are none, or nobody answers.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except ValueError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no such name can exist") from error
    return tuple((family, str(target[0])) for family, *_, target in found)


class Lookups:
    """Looks names up in threads made on demand; used on one event loop.

    What is remembered of dead names is bounded by the threads: a name is dead only after it has held one for the whole
    time limit.
    """

    def __init__(
        self,
        look_up: LookUp = look_up,
        *,
        threads: int = THREADS,
        time_limit: timedelta = TIME_LIMIT,
        dead_for: timedelta = DEAD_FOR,
    ) -> None:
        self._look_up = look_up
        self._free_threads = threads
        self._time_limit = time_limit
        self._dead_for = dead_for
        self._asked: dict[str, asyncio.Future[Outcome]] = {}
        self._waiting: deque[str] = deque()

    async def addresses(self, host: str) -> Found:
        """Return the addresses of `host`; who is cancelled leaves the lookup to the others.

        Raises:
            socket.gaierror: there are none, nobody answered within the time limit, or nobody did lately.
        """
        name = host.lower()
        asked = self._asked.get(name) or self._ask(name)
        await asyncio.wait((asked,))
        outcome = asked.result()
        if isinstance(outcome, socket.gaierror):
            # One of its own for each: a raised exception keeps what every raiser adds to it.
            raise socket.gaierror(outcome.errno, outcome.strerror)
        return outcome

    def _ask(self, host: str) -> asyncio.Future[Outcome]:
        loop = asyncio.get_running_loop()
        asked = self._asked[host] = loop.create_future()
        timer = loop.call_later(self._time_limit.total_seconds(), self._give_up, host, asked)
        asked.add_done_callback(lambda _: timer.cancel())
        self._waiting.append(host)
        self._start_waiting(loop)
        return asked

    def _start_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._free_threads and self._waiting:
            self._free_threads -= 1
            host = self._waiting.popleft()
            # A daemon: a process that ends waits for no name server.
            thread = Thread(target=self._run, args=(loop, host), name="lookup", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                loop.call_soon(self._end, loop, host, no_answer("there is no thread for it"))

    def _run(self, loop: asyncio.AbstractEventLoop, host: str) -> None:
        outcome: Outcome
        try:
            outcome = self._look_up(host)
        except socket.gaierror as error:
            outcome = error
        except Exception:  # whatever it was, the name and the thread must come free
            logger.exception("a lookup broke off", extra={"action": "look_up", "host": host})
            outcome = no_answer("the lookup broke off")
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(self._end, loop, host, outcome)

    def _end(self, loop: asyncio.AbstractEventLoop, host: str, outcome: Outcome) -> None:
        self._free_threads += 1
        self._start_waiting(loop)
        asked = self._asked[host]
        if not asked.done():
            asked.set_result(outcome)
            del self._asked[host]
        elif isinstance(outcome, socket.gaierror):
            loop.call_later(self._dead_for.total_seconds(), self._asked.pop, host)
        else:
            del self._asked[host]

    def _give_up(self, host: str, asked: asyncio.Future[Outcome]) -> None:
        if asked.done():
            return
        limit = self._time_limit.total_seconds()
        asked.set_result(no_answer(f"no answer within {limit:g} s"))
        if host in self._waiting:
            self._waiting.remove(host)
            del self._asked[host]


def no_answer(reason: str) -> socket.gaierror:
    return socket.gaierror(socket.EAI_AGAIN, reason)
