"""The port: one call of the Scheduler REST API.

What raised tells what may have happened at the server, which is all that a caller needs to decide what to do next:

* `TransientError`: the server has seen nothing of the request;
* `OutcomeUnknownError`: it may have seen it and may have acted;
* `AuthenticationError`: the connection ended the way it does when a server refuses our certificate. With TLS 1.3 that
  comes after our side of the handshake, so a server that died at that instant looks the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from shared.errors import TransientError

SERVICE_VERSION = "2014-10-01"


class OutcomeUnknownError(TransientError):
    """The request left, no answer came."""

    default_code = "OutcomeUnknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """`target` is the percent-encoded path from the server's root, with its query if it has one."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestResponse:
    """Names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class SchedulerClient(Protocol):
    """Sends requests with our client certificate and `x-ms-version`; follows no redirect."""

    async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
        """Return the answer whatever its status, in that time.

        Raises:
            OutcomeUnknownError: time ran out, the connection broke, or the answer was too large or no HTTP.
            TransientError: no connection could be made.
            AuthenticationError: the server seems to refuse our certificate, or we its.
        """

    async def close(self) -> None:
        """Let go of every connection; calls still running raise OutcomeUnknownError or end by themselves."""
