"""The Scheduler REST API over TLS with `requests`, in threads of its own.

Each running call has a transport adapter with one connection, and no session: no proxies, certificate bundles or
passwords of the environment, no cookies, no redirects. A call goes to the configured server with the configured trust.
"""

import asyncio
import ssl
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
from urllib3.connection import HTTPSConnection

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
    """Connections that present the certificate of `context`; used by one thread at a time."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self._pool: Any = None
        self._connections = 0
        super().__init__(pool_connections=1, pool_maxsize=1)

    @property
    def is_fresh(self) -> bool:
        """Whether the last request went over a connection made for it."""
        return self._pool is not None and self._pool.num_connections > self._connections

    def close(self) -> None:
        # urllib3 closes connections when nobody refers to their pool any more; we do.
        if self._pool is not None:
            self._pool.close()
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self.context, **kwargs)

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the pool of the one server that there is; what it trusts is told to it once."""
        if self._pool is None:
            pool: Any = super().get_connection_with_tls_context(request, verify, *args, **kwargs)
            pool.ConnectionCls = OneWriteConnection
            super().cert_verify(pool, request.url, verify, None)  # type: ignore[no-untyped-call]
            self._pool = pool
        self._connections = self._pool.num_connections
        return self._pool

    def cert_verify(self, *_: Any) -> None:
        """Done with the pool: it would look at the file of authorities before each request."""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return what we read of an answer: looking for its cookies and its encoding takes as long as parsing it."""
        response = requests.Response()
        response.request, response.raw, response.status_code = req, resp, resp.status
        return response


class OneWriteConnection(HTTPSConnection):
    """Sends head and body of a request in one write: one record of TLS, and one time without the interpreter lock."""

    _held: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        held: list[bytes] = []
        self._held = held
        try:
            super().request(*args, **kwargs)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


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
        self.url = url.rstrip("/")
        self._new_context = new_context
        self._context = new_context()
        self._verify: str | bool = str(ca) if ca is not None else True
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="scheduler-rest")
        self._is_closed = False
        self._idle: list[CertificateAdapter] = []

    async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
        if self._is_closed:
            raise TransientError("the client is closed")
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
            self._read_certificate_again()
            raise

    async def close(self) -> None:
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _read_certificate_again(self) -> None:
        try:
            self._context = self._new_context()
        except (ConfigurationError, OSError) as error:
            raise AuthenticationError(f"our certificate cannot be read: {error}") from error

    def _send(self, call: Call) -> RestResponse:
        adapter = self._adapter()
        try:
            with adapter.send(
                prepared(call.request, self.url),
                timeout=call.timeout.total_seconds(),
                verify=self._verify,
                stream=True,
            ) as response:
                # Of a name that comes twice, both values.
                headers = response.raw.headers.itermerged()
                return RestResponse(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in headers},
                    body=read_body(response.raw, call),
                )
        except requests.exceptions.RequestException as error:
            raise translated(error, is_fresh=adapter.is_fresh) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise OutcomeUnknownError(f"the answer broke off: {type(error).__name__}") from error
        finally:
            self._give_back(adapter)

    def _adapter(self) -> CertificateAdapter:
        """Return the one used last, whose connection is the likeliest to be open still, or a new one."""
        while self._idle:
            try:
                adapter = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if adapter.context is self._context:
                return adapter
            adapter.close()
        return CertificateAdapter(self._context)

    def _give_back(self, adapter: CertificateAdapter) -> None:
        if self._is_closed:
            adapter.close()
        else:
            self._idle.append(adapter)


def prepared(request: RestRequest, url: str) -> requests.PreparedRequest:
    """Return what an adapter sends.

    A session would merge settings, cookies and redirects that we do not have: a third of the time of a call.
    """
    complete = requests.PreparedRequest()
    complete.method = request.method
    complete.url = url + request.target
    complete.headers = CaseInsensitiveDict({"x-ms-version": SERVICE_VERSION})
    complete.headers.update(request.headers)
    if request.body is not None or request.method != "GET":
        complete.headers["Content-Length"] = str(len(request.body or b""))
    complete.body = request.body
    return complete


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
