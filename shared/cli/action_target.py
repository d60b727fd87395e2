"""A target for the actions of jobs: answers as its URL asks, and writes down every request.

`/actions/NAME` is answered 200 at once; `?status=500` asks for another answer, `?delay=2` for one after two seconds.
A request is one line of JSON when it is there, before any answer, and a second one if its caller left without waiting
for that: so what is in flight can be known from outside.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from shared.clock import Clock
from shared.host.answers import Answer, complete
from shared.host.http_trigger import (
    EMPTY,
    TOO_LARGE,
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

PREFIX = "/actions/"
BODY_LIMIT = 1_048_576
LONGEST_DELAY_SECONDS = 120
# The file is for looking at, and no place for a password.
NOT_KEPT = frozenset({"authorization"})


class ActionTarget:
    """ASGI application that adds to a file, one JSON object a line."""

    def __init__(self, output: Path, *, clock: Clock, new_id: Callable[[], str]) -> None:
        output.touch()
        self._output = output
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_headers(scope)
        try:
            wanted = read_wanted(scope)
            body = await read_body(receive, headers, limit=BODY_LIMIT)
        except ValueError as error:
            await send_answer(send, complete(400, [], str(error).encode()))
            return
        except BodyTooLargeError:
            await send_answer(send, TOO_LARGE)
            return
        except DisconnectedError:
            return
        request = self._new_id()
        self._write({"request": request, **self._arrival(scope, headers, body, wanted)})
        if wanted.delay and await self._has_left(receive, within=wanted.delay):
            self._write({"request": request, "leftAt": self._clock.now().isoformat()})
            return
        await send_answer(send, Answer(wanted.status, EMPTY, b""))

    def _arrival(
        self, scope: Scope, headers: Mapping[str, str], body: bytes, wanted: "Wanted"
    ) -> dict[str, Any]:
        return {
            "arrivedAt": self._clock.now().isoformat(),
            "method": scope["method"],
            "name": scope["path"].removeprefix(PREFIX),
            "headers": {name: headers[name] for name in headers if name not in NOT_KEPT},
            "body": body.decode(errors="replace"),
            "status": wanted.status,
            "delay": wanted.delay.total_seconds(),
        }

    async def _has_left(self, receive: Receive, *, within: timedelta) -> bool:
        leaving = asyncio.ensure_future(left(receive))
        waiting = asyncio.ensure_future(self._clock.sleep(within))
        ended, running = await asyncio.wait((leaving, waiting), return_when=asyncio.FIRST_COMPLETED)
        for each in running:
            each.cancel()
        return leaving in ended

    def _write(self, line: dict[str, Any]) -> None:
        with self._output.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The answer that a URL asks for."""

    status: int
    delay: timedelta


def read_wanted(scope: Scope) -> Wanted:
    """Raises ValueError when the query asks for what is no answer."""
    query = read_query(scope["query_string"])
    if unknown := query.keys() - {"status", "delay"}:
        raise ValueError(
            f"only status and delay can be asked for, not {', '.join(sorted(unknown))}"
        )
    status = HTTPStatus(int(query.get("status", "200")))
    if status < HTTPStatus.OK:
        raise ValueError(f"{status.value} is no final answer")
    delay = float(query.get("delay", "0"))
    if not 0 <= delay <= LONGEST_DELAY_SECONDS:
        raise ValueError(f"delay must be from 0 to {LONGEST_DELAY_SECONDS} seconds")
    return Wanted(status=status, delay=timedelta(seconds=delay))


async def left(receive: Receive) -> None:
    """Return when the caller is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
