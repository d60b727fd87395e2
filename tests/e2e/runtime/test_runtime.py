"""What Microsoft's worker library makes of our apps, beside what the local host makes of them.

The library only needs a place to run (see conftest.py); the local host runs in the test.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.host.loading import only_app
from shared.messaging.message import Message
from tests.clocks import FakeClock, settle
from tests.e2e.runtime.conftest import Ask
from tests.shared.host.hosting import call, open_broker, running
from tests.shared.host.signatures import ACCEPTED, REFUSED, import_file, is_accepted, write_app

SAMPLE = Path(__file__).with_name("sample_app")
METADATA = {
    "MessageId": "m1",
    "DeliveryCount": 1,
    "UserProperties": {},
    "ApplicationProperties": {},
}


@pytest.mark.parametrize("verdict", ["accepted", "refused"])
def test_library_and_local_host_refuse_the_same_signatures(
    ask: Ask, tmp_path: Path, verdict: str
) -> None:
    cases: Mapping[str, str] = {"accepted": ACCEPTED, "refused": REFUSED}[verdict]
    library, local = {}, {}
    for name, source in cases.items():
        path = write_app(tmp_path, name, source)
        library[name] = "fault" not in ask(load=str(tmp_path), script=path.name)
        local[name] = is_accepted(path)

    assert library == dict.fromkeys(cases, verdict == "accepted")
    assert local == library


def test_library_runs_an_http_a_queue_and_a_timer_function(ask: Ask) -> None:
    loaded = ask(load=str(SAMPLE), script="function_app.py")

    echoed = ask(
        invoke="echo",
        kind="http",
        argument="req",
        method="POST",
        url="http://127.0.0.1/api/echo/ada?x=1",
        headers={"content-type": "application/json"},
        route={"name": "ada"},
        query={"x": "1"},
        body='{"a": [1]}',
    )
    copied = ask(invoke="copy", kind="queue", argument="message", body="b", metadata=METADATA)
    timed = ask(invoke="nightly", kind="timer", argument="timer")

    assert loaded == {"functions": ["echo", "copy", "nightly"]}
    assert echoed["result"]["status"] == 201
    assert json.loads(echoed["result"]["body"])["json"] == {"a": [1]}
    assert json.loads(copied["outputs"]["out"]) == ["copy", "m1", 1, "b"]
    assert timed == {"result": None, "outputs": {}}


async def test_local_host_answers_as_the_library_does(ask: Ask, tmp_path: Path) -> None:
    ask(load=str(SAMPLE), script="function_app.py")
    by_library = ask(
        invoke="echo",
        kind="http",
        argument="req",
        method="POST",
        url="http://127.0.0.1/api/echo/a%20b?x=1",
        headers={"content-type": "application/json"},
        route={"name": "a b"},
        query={"x": "1"},
        body="[1]",
    )
    copied = ask(invoke="copy", kind="queue", argument="message", body="b", metadata=METADATA)

    clock = FakeClock()
    app = only_app(import_file(SAMPLE / "function_app.py"))
    async with (
        open_broker(tmp_path, clock) as broker,
        running(app, broker=broker, clock=clock) as host,
    ):
        reply = await call(
            host,
            "POST",
            "/api/echo/a%20b?x=1",
            headers={"content-type": "application/json"},
            body=[b"[1]"],
        )
        await broker.send("work", [Message(body=b"b", message_id="m1")])
        for _ in range(5):
            await settle()
        (sent,) = await broker.peek("results")

    assert reply.status == by_library["result"]["status"]
    assert reply.body.decode() == by_library["result"]["body"]
    assert sent.message.body.decode() == copied["outputs"]["out"]
