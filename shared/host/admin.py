"""/admin: looking at the host and its queues; only here, never on Azure.

`POST /admin/queues/{entity}/messages` sends the body as a message; its properties come from the headers `x-message-id`,
`x-correlation-id`, `x-session-id`, `x-reply-to` and `content-type`. `GET` of it peeks (`?max=`, `?from=` a sequence
number). `GET /admin/host/status` names the functions and how often they ended well or not. An entity is a queue, a
topic (to send) or `topic/Subscriptions/name`, each but the topic also with `/$DeadLetterQueue`. Dead letters have paths
of their own (`admin_dead_letters`).
"""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from shared.errors import TocsinError
from shared.host.admin_dead_letters import LETTERS, AdminDeadLetters
from shared.host.admin_requests import refused, rendered, window_of
from shared.host.answers import Answer
from shared.host.http_trigger import (
    NOT_FOUND,
    TOO_LARGE,
    UNAUTHORIZED,
    BodyTooLargeError,
    DisconnectedError,
    Receive,
    Scope,
    Send,
    read_body,
    read_headers,
    read_query,
    send_answer,
)
from shared.host.invocation import Invoker
from shared.host.keys import HostKeys
from shared.messaging.broker import Broker
from shared.messaging.message import Message, StoredMessage

PREFIX = "/admin/"
MESSAGES = re.compile(r"/admin/queues/(?P<entity>.+)/messages", re.IGNORECASE)
MAX_MESSAGE_BYTES = 1024 * 1024


class Admin:
    """The ASGI app below /admin."""

    def __init__(
        self, *, broker: Broker, keys: HostKeys, invoker: Invoker, functions: tuple[str, ...]
    ) -> None:
        self._broker = broker
        self._keys = keys
        self._invoker = invoker
        self._functions = functions
        self._dead_letters = AdminDeadLetters(broker)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; scope type `http` only."""
        headers, params = read_headers(scope), read_query(scope["query_string"])
        if not self._keys.opens_admin(headers.get("x-functions-key") or params.get("code")):
            await send_answer(send, UNAUTHORIZED)
            return
        path = unquote(scope["raw_path"].decode("latin-1"))
        try:
            answer = await self._answer(scope["method"], path, headers, params, receive)
        except TocsinError as error:
            answer = refused(error)
        except BodyTooLargeError:
            answer = TOO_LARGE
        except DisconnectedError:
            return
        await send_answer(send, answer)

    async def _answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        params: Mapping[str, str],
        receive: Receive,
    ) -> Answer:
        if letters := LETTERS.fullmatch(path):
            return await self._dead_letters.answer(method, letters, headers, params, receive)
        found = MESSAGES.fullmatch(path)
        match method, found:
            case "POST", re.Match():
                body = await read_body(receive, headers, limit=MAX_MESSAGE_BYTES)
                await self._broker.send(found["entity"], [message(body, headers)])
                return Answer(202, [(b"content-length", b"0")], b"")
            case "GET", re.Match():
                return await self._peek(found["entity"], params)
            case "GET", None if path.lower() == "/admin/host/status":
                return rendered(200, self._status())
            case _:
                return NOT_FOUND

    async def _peek(self, entity: str, params: Mapping[str, str]) -> Answer:
        first, limit = window_of(params)
        stored = await self._broker.peek(entity, from_sequence_number=first, max_messages=limit)
        return rendered(200, [stored_document(each) for each in stored])

    def _status(self) -> dict[str, Any]:
        return {
            "state": "Running",
            "functions": [
                {
                    "name": name,
                    "succeeded": self._invoker.succeeded[name],
                    "failed": self._invoker.failed[name],
                }
                for name in self._functions
            ],
        }


def message(body: bytes, headers: Mapping[str, str]) -> Message:
    return Message(
        body=body,
        message_id=headers.get("x-message-id"),
        correlation_id=headers.get("x-correlation-id"),
        session_id=headers.get("x-session-id"),
        reply_to=headers.get("x-reply-to"),
        content_type=headers.get("content-type"),
    )


def stored_document(stored: StoredMessage) -> dict[str, Any]:
    sent = stored.message
    document = {
        "sequenceNumber": stored.sequence_number,
        "messageId": sent.message_id,
        "correlationId": sent.correlation_id,
        "sessionId": sent.session_id,
        "replyTo": sent.reply_to,
        "contentType": sent.content_type,
        "enqueuedTime": stored.enqueued_time.isoformat(),
        "deliveryCount": stored.delivery_count,
        "deadLetterReason": stored.dead_letter_reason,
        "deadLetterErrorDescription": stored.dead_letter_error_description,
        "applicationProperties": {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in sent.application_properties.items()
        },
        **body_document(sent.body),
    }
    return {name: value for name, value in document.items() if value is not None}


def body_document(body: bytes) -> dict[str, str]:
    """Return a body as `body` where it is text, else as `bodyBase64`."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"bodyBase64": base64.b64encode(body).decode()}
