"""The HTTP action: the job's own request, with headers that say which job, occurrence and attempt it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.errors import NoAnswerError
from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Attempt, Outcome, target_host
from shared.scheduler.actions.access_tokens import AccessToken, NoCredentialsError
from shared.scheduler.actions.credentials import Credentials, Proof
from shared.scheduler.actions.echoes import LOOK_AHEAD
from shared.scheduler.actions.polling import (
    LASTING,
    NotFollowedError,
    next_poll,
    poll_again,
    request_of,
)
from shared.scheduler.actions.record_message import (
    BODY_BYTES,
    failure_message,
    no_location_message,
    response_message,
)
from shared.wire.authentication import ClientCertificateAuthentication
from shared.wire.http_action import HttpRequest
from shared.wire.times import format_instant

if TYPE_CHECKING:
    from shared.outbound.session import Answer, OutboundSession

TIME_LIMIT = timedelta(seconds=60)
SHORTEST = timedelta(milliseconds=10)
UNAUTHORIZED = 401
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An attempt, what it sends, and when it must be over."""

    attempt: Attempt
    request: HttpRequest
    ends_at: datetime


class HttpRequestAction:
    """Sends requests over one session; aiohttp is imported by the first attempt."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        credentials: Credentials,
        clock: Clock,
        time_limit: timedelta = TIME_LIMIT,
    ) -> None:
        self._guard = guard
        self._credentials = credentials
        self._clock = clock
        self._time_limit = time_limit
        self._session: OutboundSession | None = None

    async def execute(self, attempt: Attempt) -> Outcome:
        request = request_of(attempt)
        ends_at = self._clock.now() + self._time_limit
        call = Call(attempt=attempt, request=request, ends_at=ends_at)
        try:
            return await self._outcome(call)
        except NoAnswerError as error:
            message = failure_message(target_host(request.uri), error.kind, error.message)
            reason = error.kind.value
            poll = poll_again(attempt) if error.kind not in LASTING else None
        except NoCredentialsError as error:
            message, reason, poll = str(error), "no_credentials", poll_again(attempt)
        except NotFollowedError as error:
            message = no_location_message(target_host(request.uri), str(error))
            reason, poll = "location_not_followed", None
        return Outcome(is_success=False, message=message, reason=reason, poll=poll)

    async def close(self) -> None:
        await self._credentials.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _outcome(self, call: Call) -> Outcome:
        proof = await self._proof(call)
        answer = await self._send(call, proof)
        if answer.status == UNAUTHORIZED and proof.kept_token is not None:
            # The token may have been withdrawn, which nobody told us.
            proof = await self._proof(call, instead_of=proof.kept_token)
            answer = await self._send(call, proof)
        message = response_message(
            target_host(call.request.uri),
            answer.status,
            answer.header_lines,
            answer.body,
            proof.echoes,
        )
        poll = next_poll(
            call.attempt,
            call.request,
            answer.status,
            answer.headers,
            echoes=proof.echoes,
            now=self._clock.now(),
        )
        is_success = poll is None and 200 <= answer.status < 300
        return Outcome(
            is_success=is_success, message=message, reason=f"HTTP {answer.status}", poll=poll
        )

    async def _proof(self, call: Call, *, instead_of: AccessToken | None = None) -> Proof:
        return await self._credentials.proof(
            call.attempt,
            call.request,
            self._open_session(),
            instead_of=instead_of,
            time_limit=self._time_left(call),
        )

    async def _send(self, call: Call, proof: Proof) -> "Answer":
        request, session = call.request, self._open_session()
        headers = headers_of(call.attempt, request)
        if proof.authorization is not None:
            headers["Authorization"] = proof.authorization
        if proof.context is not None:
            session = session.presenting(proof.context)
        return await session.request(
            request.method,
            request.uri,
            body=request.body.encode() if request.body else None,
            headers=headers,
            time_limit=self._time_left(call),
            keep=BODY_BYTES + LOOK_AHEAD,
        )

    def _time_left(self, call: Call) -> timedelta:
        """All requests of an attempt end within its one limit, whatever is done to the wall clock."""
        left = call.ends_at - self._clock.now()
        return min(max(left, SHORTEST), self._time_limit)

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
    own = request.authentication
    # A certificate is shown by TLS and leaves the header to the job.
    return lower != "authorization" or isinstance(own, ClientCertificateAuthentication | None)
