"""Reading the options of a command: everything that is wrong with them is told together."""

import re
from collections.abc import Callable
from typing import TypeVar

from shared.errors import ConfigurationError, InvalidRequestError, TocsinError

LISTEN = re.compile(r"(?:127\.0\.0\.1|localhost)(?::(.*))?", re.IGNORECASE | re.DOTALL)
PORT = re.compile(r"[0-9]{1,5}")
MAX_PORT = 65535
Value = TypeVar("Value")


class Reading:
    """Reads options one after another and keeps what is wrong with each."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def take(self, option: str, text: str, read: Callable[[str], Value]) -> Value | None:
        """Return what `read` makes of `text`; None where that is a fault."""
        try:
            return read(text)
        except (ValueError, TocsinError) as error:
            self.faults.append(f"{option} {text!r}:{_told(error)}")
            return None

    def check(self) -> None:
        """Raises ConfigurationError with every fault, if there is one, each on a line of its own."""
        if self.faults:
            raise ConfigurationError("\n".join(self.faults))


def _told(error: Exception) -> str:
    """Return what is wrong with a file, if there is more than one thing, on lines that begin with the JSON paths."""
    if not isinstance(error, InvalidRequestError) or len(error.faults) < 2:
        return f" {error}"
    return "".join(f"\n  {fault.path}: {fault.message}" for fault in error.faults)


def read_port(text: str) -> int:
    match = LISTEN.fullmatch(text)
    if match is None:
        raise ValueError(
            "must be 127.0.0.1:PORT or localhost:PORT, since the service listens on loopback only"
        )
    port = match[1]
    if not port:
        raise ValueError("there is no port; such as 127.0.0.1:5672, or :0 for a free one")
    if not PORT.fullmatch(port) or int(port) > MAX_PORT:
        raise ValueError(f"the port {port!r} must be a number from 0 to {MAX_PORT}")
    return int(port)
