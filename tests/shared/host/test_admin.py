import json
from datetime import timedelta
from urllib.parse import quote

import azure.functions as func
import pytest

from shared.host.local import LocalHost
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.message import Message
from tests.clocks import START, FakeClock
from tests.shared.host.hosting import call, indexed, make_host

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="{*everything}")
async def everything(req: func.HttpRequest) -> str:
    return "the function"


FUNCTIONS = indexed(app)
KEY = {"x-functions-key": "host-key"}
WORK = "/admin/queues/work/messages"


@pytest.fixture
def host(broker: EmbeddedBroker, clock: FakeClock) -> LocalHost:
    return make_host(FUNCTIONS, broker=broker, clock=clock)


async def test_post_sends_and_get_peeks(host: LocalHost, broker: EmbeddedBroker) -> None:
    headers = {
        "x-message-id": "m1",
        "x-correlation-id": "c1",
        "x-session-id": "s1",
        "x-reply-to": "replies",
        "content-type": "application/json",
    }

    sent = await call(host, "POST", WORK, headers={**KEY, **headers}, body=[b'{"a"', b": 1}"])
    peeked = await call(host, "GET", WORK, headers=KEY)

    assert (sent.status, sent.body) == (202, b"")
    (stored,) = json.loads(peeked.body)
    assert stored == {
        "sequenceNumber": stored["sequenceNumber"],
        "messageId": "m1",
        "correlationId": "c1",
        "sessionId": "s1",
        "replyTo": "replies",
        "contentType": "application/json",
        "enqueuedTime": START.isoformat(),
        "deliveryCount": 0,
        "applicationProperties": {},
        "body": '{"a": 1}',
    }


async def test_dead_letters_and_binary_bodies_can_be_peeked(
    host: LocalHost, broker: EmbeddedBroker
) -> None:
    await broker.send("work", [Message(body=b"\xff", application_properties={"raw": b"\x01"})])
    receiver = broker.receiver("work")
    (message,) = await receiver.receive(max_messages=1, max_wait=timedelta(0))
    await receiver.dead_letter(message, reason="Bad", description="no command")

    path = f"/admin/queues/{quote('work/$DeadLetterQueue')}/messages"
    (dead,) = json.loads((await call(host, "GET", path, headers=KEY)).body)

    assert dead["bodyBase64"] == "/w=="
    assert dead["applicationProperties"]["raw"] == "AQ=="
    assert (dead["deadLetterReason"], dead["deadLetterErrorDescription"]) == ("Bad", "no command")


async def test_peek_is_paged(host: LocalHost, broker: EmbeddedBroker) -> None:
    await broker.send("work", [Message(body=b"%d" % number) for number in range(5)])

    first = json.loads((await call(host, "GET", f"{WORK}?max=2", headers=KEY)).body)
    start = first[-1]["sequenceNumber"] + 1
    rest = json.loads((await call(host, "GET", f"{WORK}?from={start}", headers=KEY)).body)

    assert [each["body"] for each in first + rest] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "query", ["max=0", "max=251", "max=x", "from=x", "from=-1", "max=²", f"from={2**63}"]
)
async def test_p10_bad_paging_is_400(host: LocalHost, query: str) -> None:
    reply = await call(host, "GET", f"{WORK}?{quote(query, safe='=')}", headers=KEY)

    assert reply.status == 400
    assert json.loads(reply.body)["error"]["code"] == "BadRequest"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_p10_unknown_entity_is_404(host: LocalHost, method: str) -> None:
    reply = await call(host, method, "/admin/queues/nothing/messages", headers=KEY)

    assert reply.status == 404
    assert json.loads(reply.body)["error"]["code"] == "MessagingEntityNotFound"


@pytest.mark.parametrize(("size", "status"), [(300_000, 400), (1_100_000, 413)])
async def test_p10_too_large_message_is_refused(host: LocalHost, size: int, status: int) -> None:
    reply = await call(host, "POST", WORK, headers=KEY, body=[b"x" * size])

    assert reply.status == status


@pytest.mark.parametrize("path", [WORK, "/admin/host/status", "/admin/", "/ADMIN/anything"])
@pytest.mark.parametrize("key", [None, "own-key", "wrong"])
async def test_admin_needs_a_host_or_master_key(
    host: LocalHost, path: str, key: str | None
) -> None:
    reply = await call(host, "GET", path, headers={"x-functions-key": key} if key else {})

    assert (reply.status, reply.body) == (401, b"")


async def test_what_admin_does_not_have_is_404(host: LocalHost) -> None:
    deleted = await call(host, "DELETE", WORK, headers=KEY)
    unknown = await call(host, "GET", "/admin/unknown", headers=KEY)

    assert (deleted.status, unknown.status) == (404, 404)


async def test_status_counts_how_functions_ended(host: LocalHost) -> None:
    await call(host, "GET", "/api/x")

    reply = await call(host, "GET", "/admin/host/status?code=master-key")

    assert json.loads(reply.body) == {
        "state": "Running",
        "functions": [{"name": "everything", "succeeded": 1, "failed": 0}],
    }


async def test_sender_that_leaves_sends_nothing(host: LocalHost, broker: EmbeddedBroker) -> None:
    await call(host, "POST", WORK, headers=KEY, body=[b"half"], disconnects=True)

    assert await broker.peek("work") == []
