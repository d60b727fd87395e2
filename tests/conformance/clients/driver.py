"""A process that has the published clients of one language, and does with them what a test asks for."""

import itertools
import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

END_SECONDS = 20


class ClientError(Exception):
    """What a client raised: the name of its class, the HTTP status and the code it tells, its message."""

    def __init__(
        self, *, type: str, message: str, status: int | str | None = None, code: str | None = None
    ) -> None:
        super().__init__(f"{type}: {message}")
        self.type = type
        self.message = message
        self.status = status
        self.code = code


class Driver:
    """Speaks with `python/driver.py` or `node/driver.js`: a line of JSON there, one back."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._running = ExitStack()
        self._names = itertools.count()
        self._process = self._running.enter_context(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        with self._running:
            assert self._process.wait(END_SECONDS) == 0

    def open(self, kind: str, **given: Any) -> "Client":
        """Make a client of this kind; `given` is what it is constructed with."""
        name = f"{kind} {next(self._names)}"
        self.ask({"open": name, "client": kind, **given})
        return Client(self, name)

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Return the result.

        Raises:
            ClientError: the client raised.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        if "error" in reply:
            raise ClientError(**reply["error"])
        return reply.get("result")


@dataclass
class Client:
    """A client in a driver; `called` are the methods that were."""

    driver: Driver
    name: str
    called: set[str] = field(default_factory=set)

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what the client's method returns, in JSON.

        Raises:
            ClientError: the client raised.
        """
        self.called.add(method)
        return self.driver.ask({"call": self.name, "method": method, "arguments": arguments})

    def methods(self) -> set[str]:
        """Return the names of everything public that can be called."""
        return set(self.driver.ask({"methods": self.name}))


def model(name: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for a model of azure-mgmt-scheduler."""
    return {"$model": name, "members": members}


def named(**arguments: Any) -> dict[str, Any]:
    """Return what stands for arguments with names."""
    return {"$named": arguments}
