"""What the host knows of a function after indexing: its trigger and outputs with every setting resolved."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from shared.host.ncrontab import Ncrontab

RETURN = "$return"


class AuthLevel(StrEnum):
    """Whose key opens a function: nobody's, its own or the host's, the master's."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


class MessageForm(StrEnum):
    """What a Service Bus trigger hands over: the message, or its body alone."""

    MESSAGE = "message"
    BODY = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """Runs for requests of these methods (none: all) whose path fits the template below the route prefix."""

    template: str
    methods: frozenset[str]
    auth_level: AuthLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTrigger:
    """Runs for the messages of a queue or topic subscription, one by one or `many` at once, or session by session."""

    entity: str
    form: MessageForm
    is_binary: bool
    is_many: bool
    has_sessions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """Runs at each occurrence of `schedule`, and once when the host starts if `run_on_startup`."""

    schedule: Ncrontab
    run_on_startup: bool


Trigger = HttpTrigger | MessageTrigger | TimerTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A queue or topic that gets what the function returns, or sets on the parameter `argument`."""

    argument: str
    entity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedFunction:
    """A function that is ready to run."""

    name: str
    call: Callable[..., Any]
    argument: str
    trigger: Trigger
    outputs: tuple[Output, ...]
    is_async: bool
    takes_context: bool
    returns: bool
    directory: Path

    def __str__(self) -> str:
        return f"function {self.name!r}"
