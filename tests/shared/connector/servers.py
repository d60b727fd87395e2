"""A Scheduler that answers what it is told to."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from shared.client.memory import MemorySchedulerClient, Message
from shared.client.scheduler import RestResponse
from tests.clocks import settle

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class ScriptedServer:
    """An ASGI app: gives its answers one after another, the last one for ever; an exception breaks the connection."""

    answers: deque[RestResponse | Exception]
    seen: list[Seen] = field(default_factory=list)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        target = scope["raw_path"].decode() + (f"?{query}" if query else "")
        self.seen.append(Seen(scope["method"], target, headers, body))
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        await settle()
        if isinstance(answer, Exception):
            raise answer
        pairs = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer.body})


def scripted(*answers: RestResponse | Exception) -> tuple[ScriptedServer, MemorySchedulerClient]:
    server = ScriptedServer(deque(answers))
    return server, MemorySchedulerClient(server)


def answer(status: int, body: bytes = b"", **headers: str) -> RestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RestResponse(status=status, headers=named, body=body)


class OtherServerClient(MemorySchedulerClient):
    """The client of a server that does not recognise what is sent again."""


def scripted_elsewhere(
    *answers: RestResponse | Exception,
) -> tuple[ScriptedServer, OtherServerClient]:
    server = ScriptedServer(deque(answers))
    return server, OtherServerClient(server)
