"""/admin/queues/{entity}/deadletters: for whoever looks after them from the command line.

`GET …/deadletters?from=&max=` returns letters from a sequence number on, with masked bodies; `GET …/summary` how many
there are, why and since when; `POST …/redrive` and `POST …/purge` move back or remove those that the body chooses:
`{"sequenceNumbers": [1, 2]}`, or `{"before": instant, "limit": 100}`.
"""

import re
from collections.abc import Mapping

from shared.host.admin_requests import rendered, window_of
from shared.host.answers import Answer
from shared.host.dead_letters import ChosenLetters, DeadLetters
from shared.host.http_trigger import NOT_FOUND, Receive, read_body
from shared.messaging.broker import Broker
from shared.wire.model import read_json

LETTERS = re.compile(
    r"/admin/queues/(?P<entity>.+)/deadletters(?:/(?P<verb>summary|redrive|purge))?", re.IGNORECASE
)
MAX_BODY_BYTES = 64 * 1024


class AdminDeadLetters:
    """Answers what is below these paths."""

    def __init__(self, broker: Broker) -> None:
        self._letters = DeadLetters(broker)

    async def answer(
        self,
        method: str,
        found: re.Match[str],
        headers: Mapping[str, str],
        params: Mapping[str, str],
        receive: Receive,
    ) -> Answer:
        """Answer a request whose path is one of `LETTERS`; raises what the caller has to render."""
        entity, verb = found["entity"], (found["verb"] or "").lower()
        match method, verb:
            case "GET", "":
                first, limit = window_of(params)
                letters = await self._letters.page(entity, first=first, limit=limit)
                return rendered(200, {"value": letters})
            case "GET", "summary":
                return rendered(200, await self._letters.summary(entity))
            case "POST", "redrive" | "purge":
                body = await read_body(receive, headers, limit=MAX_BODY_BYTES)
                chosen = read_json(ChosenLetters, body)
                act = self._letters.redrive if verb == "redrive" else self._letters.purge
                return rendered(200, {"sequenceNumbers": await act(entity, chosen)})
            case _:
                return NOT_FOUND
