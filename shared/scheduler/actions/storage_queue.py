"""The action that puts a message into a storage queue, by its SAS token."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.errors import NoAnswer, NoAnswerError
from shared.outbound.guard import AddressGuard
from shared.scheduler.action import Attempt, Outcome, sealing_context_of, target_host
from shared.scheduler.actions.queue_records import (
    storage_answer,
    storage_failure,
    storage_success,
)
from shared.scheduler.actions.storage_message import client_request_id, put_message
from shared.sealing import Sealer
from shared.wire.model import read_stored
from shared.wire.queue_action import StorageQueueMessage

if TYPE_CHECKING:
    from shared.outbound.session import OutboundSession

TIME_LIMIT = timedelta(seconds=60)
CREATED = 201
# Any since 2011-08-18 takes 64 KB.
VERSION = "2020-12-06"
# What a query can hold as it is written (RFC 3986, 3.4), and what is encoded in it already.
QUERY = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]+")


class StorageQueueAction:
    """Sends over one session; aiohttp is imported by the first attempt.

    `endpoint` is the URL of an account's queues, with `{account}` where its name belongs.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        sealer: Sealer,
        endpoint: str,
        time_limit: timedelta = TIME_LIMIT,
    ) -> None:
        self._guard = guard
        self._sealer = sealer
        self._endpoint = endpoint.rstrip("/")
        self._time_limit = time_limit
        self._session: OutboundSession | None = None

    async def execute(self, attempt: Attempt) -> Outcome:
        message = read_stored(StorageQueueMessage, attempt.action["queueMessage"])
        try:
            return await self._put(attempt, message)
        except NoAnswerError as error:
            host = target_host(self._account_url(message))
            told = storage_failure(message, host=host, kind=error.kind, reason=error.message)
            return Outcome(is_success=False, message=told, reason=error.kind.value)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _put(self, attempt: Attempt, message: StorageQueueMessage) -> Outcome:
        queue = quote(message.queue_name, safe="")
        token = self._token(attempt, message)
        answer = await self._open_session().request(
            "POST",
            f"{self._account_url(message)}/{queue}/messages?{token}",
            body=put_message(attempt, message.message or ""),
            headers={
                "Content-Type": "application/xml",
                "User-Agent": "tocsin",
                "x-ms-client-request-id": client_request_id(attempt),
                "x-ms-version": VERSION,
            },
            time_limit=self._time_limit,
        )
        is_success = answer.status == CREATED
        return Outcome(
            is_success=is_success,
            message=storage_success(message)
            if is_success
            else storage_answer(message, answer.status, answer.headers),
            reason=f"HTTP {answer.status}",
        )

    def _account_url(self, message: StorageQueueMessage) -> str:
        return self._endpoint.replace("{account}", message.storage_account)

    def _token(self, attempt: Attempt, message: StorageQueueMessage) -> str:
        """Return the SAS token as a query; portals write it with the question mark."""
        sealed = message.sas_token.get_secret_value()
        token = self._sealer.unseal(sealed, context=sealing_context_of(attempt)).strip()
        query = token.removeprefix("?")
        if QUERY.fullmatch(query) is None:
            raise NoAnswerError("the SAS token is no query", kind=NoAnswer.NOT_SENDABLE)
        return query

    def _open_session(self) -> "OutboundSession":
        if self._session is None:
            from shared.outbound.session import OutboundSession

            self._session = OutboundSession(self._guard)
        return self._session
