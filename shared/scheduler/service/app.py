"""The Scheduler service: an ASGI app with both surfaces of the retired one.

A request is admitted (URL, caller, version, route, names), then read whole, then its endpoint reads, or changes
something in one grouped transaction. The front end's own errors are XML; behind `~` and on ARM's paths they are JSON.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from shared.clock import Clock
from shared.errors import (
    AuthenticationError,
    PreconditionFailedError,
    RequestError,
    TocsinError,
    TransientError,
)
from shared.scheduler.service.admission import Admission
from shared.scheduler.service.answering import Answering
from shared.scheduler.service.arm.headers import ArmHeaders
from shared.scheduler.service.asgi import (
    XML,
    ClientLeftError,
    Header,
    Receive,
    Scope,
    Send,
    acknowledge_lifespan,
    classic_headers,
    http_date,
    raw_path,
    read_body,
    read_headers,
    send_answer,
)
from shared.scheduler.service.authentication import Authentication
from shared.scheduler.service.exchange import (
    Answer,
    Request,
    Responder,
    refusal,
    refused,
    responder_of,
)
from shared.scheduler.service.repeatability import repeatable_id

logger = logging.getLogger(__name__)

# Logged with the reason where that is known.
UNAUTHENTICATED = frozenset(
    {
        AuthenticationError.default_code,
        "AuthenticationFailedInvalidHeader",
        "AuthorizationFailed",
        "ExpiredAuthenticationToken",
        "InvalidAuthenticationToken",
    }
)


class SchedulerService:
    """An ASGI 3 app; `scope["extensions"]["tls"]["client_cert_der"]` holds the client's certificate, or None."""

    def __init__(
        self,
        answering: Answering,
        authentication: Authentication,
        *,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """`new_id` returns 32 lower-case hexadecimal digits."""
        self._answering = answering
        self._clock = clock
        self._new_id = new_id
        self._admission = Admission(authentication)
        self._arm = ArmHeaders(new_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await acknowledge_lifespan(receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1008})

    def refusal(self, *, is_method_unknown: bool) -> tuple[list[Header], bytes]:
        """Return headers and body of the front end's 400 to what the server cannot read as HTTP."""
        if is_method_unknown:
            answer = refused(400, "InvalidHttpVerb", "The HTTP verb is not known.", path="/")
        else:
            answer = refused(400, "BadRequest", "The request is not valid HTTP/1.1.", path="/")
        request_id = self._new_id()
        log_refusal(answer, method="read HTTP", request_id=request_id)
        headers = classic_headers(answer, responder=Responder.FRONT_END, request_id=request_id)
        return [*headers, self._date(), XML], answer.body

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, request = raw_path(scope), None
        try:
            request = await self._read(scope, receive)
            answer = await self._answering.answer(request)
        except ClientLeftError:
            return
        except Exception as error:  # a bug costs one request and shows nothing of itself
            answer = explained(error, path=path)
        request_id = request.id if request else self._new_id()
        if answer.error_code is not None and answer.error_code not in UNAUTHENTICATED:
            log_refusal(answer, method=scope["method"], request_id=request_id)
        responder = responder_of(path)
        if responder is Responder.ARM:
            headers = self._arm_headers(answer, scope, request, request_id)
        else:
            headers = classic_headers(answer, responder=responder, request_id=request_id)
        headers.append(self._date())
        await send_answer(
            answer, send, method=scope["method"], responder=responder, headers=headers
        )

    def _date(self) -> Header:
        return b"date", http_date(self._clock.now().replace(microsecond=0))

    def _arm_headers(
        self, answer: Answer, scope: Scope, request: Request | None, request_id: str
    ) -> list[Header]:
        headers = self._arm.of(
            answer,
            request_id=request_id,
            request=request,
            given=request.headers if request else read_headers(scope),
            now=self._clock.now(),
        )
        return [(name.encode(), value.encode()) for name, value in headers.items()]

    async def _read(self, scope: Scope, receive: Receive) -> Request:
        now = self._clock.now()
        path, headers = raw_path(scope), read_headers(scope)
        match = await self._admission.admit(scope, path, headers)
        subscription = match.params["subscription"].lower()
        repeatable = None
        if not match.endpoint.is_read:
            repeatable = repeatable_id(headers, subscription=subscription, now=now)
        return Request(
            id=repeatable or self._new_id(),
            endpoint=match.endpoint,
            subscription=subscription,
            params=match.params,
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=await read_body(headers, receive),
            is_repeatable=repeatable is not None,
            now=now,
        )


def explained(error: Exception, *, path: str) -> Answer:
    """Return the answer for whatever went wrong; what is not the caller's doing is logged in full and told in short."""
    match error:
        case PreconditionFailedError():
            return replace(refusal(error, path=path), repeatability="rejected")
        case RequestError():
            return refusal(error, path=path)
        case TransientError():
            logger.warning("request not served: %s", error, extra={"action": "serve"})
            busy = TransientError("The server is busy. Retry the request.")
            return refusal(busy, path=path)
        case _:
            logger.error("request failed", extra={"action": "serve"}, exc_info=error)
            internal = TocsinError("The server encountered an internal error. Retry the request.")
            return refusal(internal, path=path)


def log_refusal(answer: Answer, *, method: str, request_id: str) -> None:
    logger.info(
        "request refused",
        extra={
            "action": method,
            "request_id": request_id,
            "status": answer.status,
            "code": answer.error_code,
        },
    )
