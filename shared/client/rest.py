"""The Scheduler REST API over TLS with `requests`, in threads of its own.

Environment proxies, environment certificate bundles and redirects are off: a call goes to the configured server with
the configured trust, or nowhere.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from shared.client.scheduler import (
    SERVICE_VERSION,
    OutcomeUnknownError,
    RestRequest,
    RestResponse,
)
from shared.errors import AuthenticationError, ConfigurationError, TransientError

THREADS = 32
CHUNK = 64 * 1024
LARGEST_ANSWER = 16 * 1024 * 1024
NEVER_CONNECTED = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
)
# A refusal arrives as an alert, as an end of file or as a reset, depending on the server and the version of TLS.
CLOSED = (ssl.SSLError, ConnectionError)


class CertificateAdapter(HTTPAdapter):
    """Connections that present the certificate of `context`; used by one thread."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._pool: Any = None
        self._connections = 0
        super().__init__(pool_connections=1, pool_maxsize=1)

    @property
    def is_fresh(self) -> bool:
        """Whether the last request went over a connection made for it."""
        return self._pool is not None and self._pool.num_connections > self._connections

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        self._pool, self._connections = pool, pool.num_connections
        return pool


@dataclass(slots=True)
class Call:
    """One request on its way through a thread."""

    request: RestRequest
    timeout: timedelta
    is_abandoned: bool = field(default=False)


class RestSchedulerClient:
    """`new_context` reads our certificate; it is asked again after a refusal, so a replaced one needs no restart."""

    def __init__(
        self, url: str, *, new_context: Callable[[], ssl.SSLContext], ca: Path | None
    ) -> None:
        if not url.startswith("https://"):
            raise ConfigurationError(
                f"the Scheduler's address {url!r} does not begin with https://"
            )
        self._url = url.rstrip("/")
        self._new_context = new_context
        self._context = new_context()
        self._verify: str | bool = str(ca) if ca is not None else True
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="scheduler-rest")
        self._thread = threading.local()
        self._sessions: dict[int, requests.Session] = {}

    async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
        call = Call(request, within)
        answer = asyncio.get_running_loop().run_in_executor(self._executor, self._send, call)
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await answer
        except TimeoutError as error:
            # The socket's own timeout bounds each read, not their sum.
            call.is_abandoned = True
            raise OutcomeUnknownError(f"no answer within {within.total_seconds():g} s") from error
        except AuthenticationError:
            self._context = self._new_context()
            raise

    async def close(self) -> None:
        for session in list(self._sessions.values()):
            session.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _send(self, call: Call) -> RestResponse:
        session, adapter = self._session()
        try:
            with session.request(
                call.request.method,
                self._url + call.request.target,
                data=call.request.body,
                headers=dict(call.request.headers),
                timeout=call.timeout.total_seconds(),
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as response:
                return RestResponse(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=read_body(response.raw, call),
                )
        except requests.exceptions.RequestException as error:
            raise translated(error, is_fresh=adapter.is_fresh) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise OutcomeUnknownError(f"the answer broke off: {type(error).__name__}") from error

    def _session(self) -> tuple[requests.Session, CertificateAdapter]:
        """Return what this thread uses; new when our certificate was read again meanwhile."""
        context = self._context
        known: tuple[ssl.SSLContext, requests.Session, CertificateAdapter] | None
        known = getattr(self._thread, "session", None)
        if known is None or known[0] is not context:
            session, adapter = requests.Session(), CertificateAdapter(context)
            session.trust_env = False
            session.headers = CaseInsensitiveDict({"x-ms-version": SERVICE_VERSION})
            session.mount("https://", adapter)
            if known is not None:
                known[1].close()
            known = self._thread.session = (context, session, adapter)
            self._sessions[threading.get_ident()] = session
        return known[1], known[2]


def read_body(raw: Any, call: Call) -> bytes:
    """Read what `raw` holds, up to LARGEST_ANSWER and while somebody waits for it."""
    chunks: list[bytes] = []
    size = 0
    while chunk := raw.read1(CHUNK, decode_content=False):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise OutcomeUnknownError(f"the answer is larger than {LARGEST_ANSWER} bytes")
        if call.is_abandoned:
            raise OutcomeUnknownError("nobody waits for the answer any more")
    return b"".join(chunks)


def translated(error: Exception, *, is_fresh: bool) -> Exception:
    """Return what `error` means to a caller; `is_fresh` when its connection had not served a request before."""
    causes = list(causes_of(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return AuthenticationError("the Scheduler's certificate is not one that we trust")
    if any(isinstance(cause, NEVER_CONNECTED) for cause in causes):
        return TransientError(f"no connection to the Scheduler: {type(error).__name__}")
    if is_fresh and any(isinstance(cause, CLOSED) for cause in causes):
        return AuthenticationError(
            "the Scheduler closed a new connection at once: it may refuse our certificate"
        )
    return OutcomeUnknownError(f"no answer from the Scheduler: {type(error).__name__}")


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and whatever is wrapped in it: requests and urllib3 use arguments, attributes and contexts."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
