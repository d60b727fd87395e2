"""Reads go through: the Scheduler's answer of now, in the connector's JSON."""

from collections.abc import Mapping
from datetime import timedelta

from shared.client.scheduler import RestResponse
from shared.clock import Clock
from shared.connector.answers import document_of, error_of
from shared.connector.calls import read_request
from shared.connector.deployment import Deployment, Reply
from shared.connector.terms import Terms
from shared.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermanentError,
    RequestError,
    TocsinError,
    TransientError,
)
from shared.outbound.retry_after import retry_after_of
from shared.wire.endpoint import Endpoint
from shared.wire.json_types import Json
from shared.wire.secret_members import map_secret_members

ERRORS: Mapping[int, type[RequestError]] = {404: NotFoundError, 409: ConflictError}
TRY_AGAIN = frozenset({408, 429, 503})


class Reader:
    """Answers GET of resources."""

    def __init__(self, deployment: Deployment, terms: Terms, clock: Clock) -> None:
        self._deployment = deployment
        self._terms = terms
        self._clock = clock

    async def read(
        self, endpoint: Endpoint, params: Mapping[str, str], query: Mapping[str, str]
    ) -> tuple[int, Json]:
        """Return the status and the body of what the Scheduler answers; secrets are dropped.

        Raises:
            NotSupportedError: the Scheduler does not know it.
            RequestError: the Scheduler refused the request; code and message are its own.
            TransientError: the Scheduler cannot be asked at present, or refuses our certificate.
            PermanentError: its answer is not one of the contract.
        """
        self._terms.check_read(endpoint)
        subscription = self._deployment.subscription
        request = read_request(endpoint, params, subscription=subscription, query=query)
        reply = await self._deployment.ask(request)
        if not isinstance(reply, RestResponse) or reply.status not in endpoint.success:
            raise error_for(reply, wait=self._wait(reply))
        try:
            document = document_of(endpoint, reply.body)
        except InvalidRequestError as error:
            raise PermanentError(f"the Scheduler's answer cannot be read: {error}") from error
        return reply.status, map_secret_members(document, lambda _: None)

    def _wait(self, reply: Reply) -> timedelta | None:
        if isinstance(reply, RestResponse):
            return retry_after_of(reply.headers, now=self._clock.now())
        return None


def error_for(reply: Reply, *, wait: timedelta | None) -> TocsinError:
    """Return what an answer that is no success means to whoever asked us."""
    if isinstance(reply, TransientError):
        return reply
    if isinstance(reply, AuthenticationError):
        return TransientError(reply.message)
    error = error_of(reply)
    if error.code == AuthenticationError.default_code or reply.status == 401:
        # Our certificate, not the caller's key.
        return TransientError(f"the Scheduler refuses the connector: {error.message}")
    if reply.status in TRY_AGAIN:
        return TransientError(error.message, code=error.code, retry_after=wait)
    if 400 <= reply.status < 500:
        return ERRORS.get(reply.status, RequestError)(error.message, code=error.code)
    return PermanentError(f"the Scheduler answered {reply.status}: {error.code}: {error.message}")
