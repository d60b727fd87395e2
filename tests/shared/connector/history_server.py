"""A Scheduler of which a test writes the history."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from shared.client.memory import Message
from tests.clocks import START, FakeClock
from tests.shared.connector.servers import Receive, Send

Record = Mapping[str, Any]


def record(number: int, **members: Any) -> Record:
    """Return the record of a job's attempt of that number; they are a minute apart."""
    started = START + number * timedelta(minutes=1)
    return {
        "jobId": "j",
        "timestamp": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "startTime": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "endTime": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "state": "enabled",
        "message": "OK",
        "status": "completed",
        "actionName": "MainAction",
        "repeatCount": number,
        "retryCount": 0,
        **members,
    }


class HistoryServer:
    """An ASGI app: `jobs` has the records of each, the oldest first, of which `dropped` many are shown no more.

    It breaks connections when `answers_left` is used up, and `takes` time on a clock for each history.
    """

    def __init__(self, jobs: dict[str, list[Record]]) -> None:
        self.jobs = jobs
        self.dropped: dict[str, int] = {}
        self.requests: list[str] = []
        self.answers_left = 1_000_000
        self.list_instead: bytes | None = None
        self.clock: FakeClock | None = None
        self.takes = timedelta()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        target = f"{scope['path']}?{scope['query_string'].decode()}"
        self.requests.append(target.partition("/~/JobCollections/jc1/")[2])
        self.answers_left -= 1
        if self.answers_left < 0:
            raise ConnectionError("gone")
        query = {
            name: int(values[0])
            for name, values in parse_qs(target.partition("?")[2]).items()
            if name[0] == "$"
        }
        status, document = await self._answer(scope["path"].split("/")[10:], query)
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: list[str], query: Mapping[str, int]) -> tuple[int, Any]:
        if not path:
            return 200, self.list_instead or self._page([*map(self._job, self.jobs)], query)
        if path[0] not in self.jobs:
            return 404, {"code": "ResourceNotFound", "message": "no such job"}
        if path[1:] != ["history"]:
            return 200, self._job(path[0])
        if self.clock is not None:
            await self.clock.advance(self.takes)
        shown = self.jobs[path[0]][self.dropped.get(path[0], 0) :]
        return 200, self._page(shown[::-1], query)

    def _page(self, items: list[Any], query: Mapping[str, int]) -> list[Any]:
        skip = query.get("$skip", 0)
        return items[skip : skip + query["$top"]]

    def _job(self, job: str) -> dict[str, Any]:
        records = self.jobs[job]
        status: dict[str, Any] = {"executionCount": len(records)}
        if records and "startTime" in records[-1]:
            status["lastExecutionTime"] = records[-1]["startTime"]
        return {"id": job, "state": "enabled", "status": status}
