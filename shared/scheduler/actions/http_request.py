"""The HTTP action: the job's own request, with headers that say which job, occurrence and attempt it is."""

import base64
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.errors import NoAnswerError
from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Attempt, Outcome, sealing_context, target_host
from shared.scheduler.actions.echoes import LOOK_AHEAD, Echoes
from shared.scheduler.actions.record_message import BODY_BYTES, failure_message, response_message
from shared.sealing import Sealer
from shared.wire.authentication import BasicAuthentication
from shared.wire.http_action import HttpRequest
from shared.wire.model import read_stored
from shared.wire.times import format_instant

if TYPE_CHECKING:
    from shared.outbound.session import OutboundSession

TIME_LIMIT = timedelta(seconds=60)
# .NET declares text so; without it aiohttp would call it binary.
DEFAULT_CONTENT_TYPE = "text/plain; charset=utf-8"
OURS = "x-ms-scheduler-"
# What frames the message or concerns the connection is not the job's to say. A key written into a job would be the same
# at every occurrence, and a target that honours it would do the work once, for ever.
NOT_THE_JOBS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "http2-settings",
        "idempotency-key",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
NO_ECHOES = Echoes()


class HttpRequestAction:
    """Sends requests over one session; aiohttp is imported by the first attempt."""

    def __init__(
        self, guard: AddressGuard, *, sealer: Sealer, time_limit: timedelta = TIME_LIMIT
    ) -> None:
        self._guard = guard
        self._sealer = sealer
        self._time_limit = time_limit
        self._session: OutboundSession | None = None

    async def execute(self, attempt: Attempt) -> Outcome:
        request = read_stored(HttpRequest, attempt.action["request"])
        headers, echoes = headers_of(attempt, request), NO_ECHOES
        if isinstance(request.authentication, BasicAuthentication):
            password = self._password(attempt, request.authentication)
            credentials = encoded_credentials(request.authentication.username, password)
            headers["Authorization"] = f"Basic {credentials}"
            echoes = Echoes(password, credentials.rstrip("="))
        elif request.authentication is not None:
            return Outcome(is_success=False, message="Http Action - authentication not sent yet")
        return await self._send(request, headers, echoes)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, request: HttpRequest, headers: dict[str, str], echoes: Echoes) -> Outcome:
        host = target_host(request.uri)
        try:
            answer = await self._open_session().request(
                request.method,
                request.uri,
                body=request.body.encode() if request.body else None,
                headers=headers,
                time_limit=self._time_limit,
                keep=BODY_BYTES + LOOK_AHEAD,
            )
        except NoAnswerError as error:
            return Outcome(
                is_success=False, message=failure_message(host, error.kind, error.message)
            )
        return Outcome(
            is_success=200 <= answer.status < 300,
            message=response_message(host, answer.status, answer.header_lines, answer.body, echoes),
        )

    def _password(self, attempt: Attempt, authentication: BasicAuthentication) -> str:
        context = sealing_context(
            subscription=attempt.subscription,
            cloud_service=attempt.cloud_service,
            job_collection=attempt.job_collection,
            job=attempt.job,
        )
        return self._sealer.unseal(authentication.password.get_secret_value(), context=context)

    def _open_session(self) -> "OutboundSession":
        if self._session is None:
            from shared.outbound.session import OutboundSession

            self._session = OutboundSession(self._guard)
        return self._session


def headers_of(attempt: Attempt, request: HttpRequest) -> dict[str, str]:
    """Return the job's own headers, less those that are not its to set, and ours."""
    headers = {
        name: value for name, value in (request.headers or {}).items() if is_the_jobs(name, request)
    }
    given = {name.lower() for name in headers}
    if "user-agent" not in given:
        headers["User-Agent"] = "tocsin"
    if request.body and "content-type" not in given:
        headers["Content-Type"] = DEFAULT_CONTENT_TYPE
    headers["x-ms-scheduler-jobid"] = attempt.job
    headers["x-ms-scheduler-jobcollectionid"] = attempt.job_collection
    headers["x-ms-scheduler-execution-region"] = attempt.region
    headers["x-ms-scheduler-expected-execution-time"] = format_instant(attempt.expected_time)
    headers["x-ms-scheduler-attempt"] = str(attempt.number)
    headers["Idempotency-Key"] = attempt.execution_id
    return headers


def is_the_jobs(name: str, request: HttpRequest) -> bool:
    lower = name.lower()
    if lower in NOT_THE_JOBS or lower.startswith(OURS):
        return False
    return lower != "authorization" or request.authentication is None


def encoded_credentials(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()
