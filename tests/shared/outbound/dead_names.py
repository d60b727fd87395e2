"""A lookup of names, some of which have nobody who answers for them."""

import socket
from threading import Event, Lock

from shared.outbound.lookups import Found, look_up


class DeadNames:
    """Names that begin with `dead` hang until `revive`; of these only `deadly-slow` leads somewhere then."""

    def __init__(self) -> None:
        self._revived = Event()
        self._lock = Lock()
        self.asked: list[str] = []

    def look_up(self, host: str) -> Found:
        with self._lock:
            self.asked.append(host)
        if not host.startswith("dead"):
            return look_up(host)
        self._revived.wait(timeout=30)
        if host == "deadly-slow":
            return look_up("127.0.0.1")
        raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")

    def revive(self) -> None:
        self._revived.set()
