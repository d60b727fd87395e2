import json
from typing import Any

import azure.functions as func
import pytest

from shared.host.dead_letters import MOST_CHOSEN
from shared.host.local import LocalHost
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.message import Message
from tests.clocks import FakeClock
from tests.shared.host.burying import bury
from tests.shared.host.hosting import Reply, call, indexed, make_host

app = func.FunctionApp()


@app.route(route="one")
async def one(req: func.HttpRequest) -> str:
    return ""


FUNCTIONS = indexed(app)
KEY = {"x-functions-key": "host-key"}
LETTERS = "/admin/queues/WORK/deadletters"


@pytest.fixture
def host(broker: EmbeddedBroker, clock: FakeClock) -> LocalHost:
    return make_host(FUNCTIONS, broker=broker, clock=clock)


async def post(host: LocalHost, path: str, document: object) -> Reply:
    return await call(host, "POST", path, headers=KEY, body=[json.dumps(document).encode()])


async def read(host: LocalHost, path: str) -> Any:
    return json.loads((await call(host, "GET", path, headers=KEY)).body)


async def test_letters_are_listed_in_pages_and_counted(
    host: LocalHost, broker: EmbeddedBroker
) -> None:
    numbers = await bury(broker, "work", *(Message(body=b"%d" % each) for each in range(3)))

    first = await read(host, f"{LETTERS}?max=2")
    rest = await read(host, f"{LETTERS}?from={first['value'][-1]['sequenceNumber'] + 1}")
    summary = await read(host, f"{LETTERS}/Summary")

    assert [each["sequenceNumber"] for each in first["value"] + rest["value"]] == numbers
    assert (summary["count"], summary["reasons"]) == (3, {"Bad": 3})


async def test_letters_are_moved_back_and_removed(host: LocalHost, broker: EmbeddedBroker) -> None:
    first, second = await bury(broker, "work", Message(body=b"a"), Message(body=b"b"))

    moved = await post(host, f"{LETTERS}/redrive", {"sequenceNumbers": [first]})
    removed = await post(host, f"{LETTERS}/purge", {"before": "9999-01-01T00:00:00Z", "limit": 5})

    assert json.loads(moved.body) == {"sequenceNumbers": [first]}
    assert json.loads(removed.body) == {"sequenceNumbers": [second]}
    assert [each.message.body for each in await broker.peek("work")] == [b"a"]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({}, "either sequenceNumbers or before"),
        ({"sequenceNumbers": [1], "before": "2026-01-01"}, "either sequenceNumbers or before"),
        ({"before": "yesterday"}, "before must be an ISO 8601 instant"),
        ({"sequenceNumbers": []}, "$.sequenceNumbers"),
        ({"sequenceNumbers": [-1, 2**63]}, "$.sequenceNumbers[0]"),
        ({"sequenceNumbers": [1] * (MOST_CHOSEN + 1)}, "$.sequenceNumbers"),
        ({"before": "2026-01-01", "limit": 0, "x": 1}, "$.limit"),
        ([], "must be an object"),
    ],
)
async def test_p10_a_choice_that_is_none_is_400(
    host: LocalHost, broker: EmbeddedBroker, document: object, found: str
) -> None:
    await bury(broker, "work", Message(body=b"a"))

    replies = [await post(host, f"{LETTERS}/{verb}", document) for verb in ("redrive", "purge")]

    for reply in replies:
        error = json.loads(reply.body)["error"]
        assert (reply.status, error["code"]) == (400, "BadRequest")
        assert found in error["message"]
    assert len(await broker.peek("work/$DeadLetterQueue")) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/admin/queues/nothing/deadletters", 404),
        ("GET", "/admin/queues/nothing/deadletters/summary", 404),
        ("GET", f"{LETTERS}?max=0", 400),
        ("DELETE", LETTERS, 404),
        ("GET", f"{LETTERS}/purge", 404),
        ("POST", f"{LETTERS}/purge", 400),
    ],
)
async def test_p10_what_is_not_there_is_told_from_what_is_wrong(
    host: LocalHost, method: str, path: str, status: int
) -> None:
    reply = await call(host, method, path, headers=KEY)

    assert reply.status == status


async def test_p8_without_a_host_key_there_is_nothing(
    host: LocalHost, broker: EmbeddedBroker
) -> None:
    await bury(broker, "work", Message(body=b"a"))

    reply = await call(host, "POST", f"{LETTERS}/purge", body=[b'{"before": "9999-01-01"}'])

    assert reply.status == 401
    assert len(await broker.peek("work/$DeadLetterQueue")) == 1
