"""P8: secrets are planted wherever one can be, and nothing that the stack produces has any of them.

A real `tocsin up` goes through success, failure, rejection, dead letters and a SIGKILL. Then everything is searched
that it answered, logged, sent to webhooks, keeps in its queues and has on its disk.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.cli.demo.expectation import Found, wait_until
from shared.settings import load_settings
from tests.e2e.secret_search import forms, leaks
from tests.e2e.secret_stack import (
    CLOCK,
    CS,
    JC,
    PATIENCE,
    QUEUES,
    Recorder,
    Stack,
    basic,
    connection_string,
    http_job,
    jobs,
    planted,
    staged,
)


@pytest.mark.parametrize("form", [name for name, _ in forms(planted("x"))])
def test_a_secret_is_found_in_every_form(form: str) -> None:
    secret = planted("x")
    pattern = dict(forms(secret))[form]

    assert leaks({"here": b"..." + pattern + b"..."}, {"it": secret})
    assert not leaks({"here": b"..." + pattern[:-3] + b"..."}, {"it": secret})


@pytest.mark.parametrize("before", range(4))
def test_a_secret_is_found_within_base64(before: int) -> None:
    secret = planted("x")
    content = base64.b64encode(b"u" * before + secret.encode() + b"more")

    assert leaks({"here": content}, {"it": secret})


async def subscribe(stack: Stack, recorder: Recorder) -> None:
    """Have events go to who takes them, who never does, and to a namespace that cannot be reached."""
    hook = {
        "type": "webhook",
        "url": f"{stack.target.url}hook",
        "secret": f"whsec_{stack.secrets.webhook}",
    }
    dead = {
        **hook,
        "url": f"{stack.target.url}hook/dead",
        "secret": f"whsec_{stack.secrets.dead_webhook}",
    }
    away = {
        "type": "servicebus-queue",
        "queue": "q",
        "connectionString": connection_string(stack.secrets.connection_key),
    }
    for sink, members in ((hook, {}), (dead, {"retrySchedule": ["PT1S"]}), (away, {})):
        status, made = await recorder.call(
            "POST", "/api/eventsubscriptions", {"sink": sink, **members}
        )
        assert status == 201, made


async def put_jobs(stack: Stack, recorder: Recorder) -> tuple[list[str], str]:
    """Make a job of each kind, and one that cannot be made; returns the names, and the operation that fails."""
    await recorder.accept("PUT", CS, {"label": "l", "description": "d", "geoRegion": "West Europe"})
    await recorder.accept("PUT", JC, {"plan": "Standard"})
    found = jobs(stack)
    for one, job in found.items():
        await recorder.accept("PUT", f"{JC}/jobs/{one}", job)
    missing = f"{CS}/jobcollections/missing/jobs/j"
    return [*found, "queued"], await recorder.accept("PUT", missing, found["failing"])


async def refused(stack: Stack, recorder: Recorder) -> None:
    """Send what is no request, with secrets where they should not be."""
    secret = stack.secrets.misplaced
    job, path = http_job(stack.target.url, basic(secret)), f"{JC}/jobs/refused"
    for body in (
        http_job(stack.target.url, basic({"value": secret})),
        http_job(stack.target.url, {"type": secret}),
        http_job(f"http://user:{quote(secret)}@127.0.0.1/", None),
        {**job, "state": secret},
        {**job, "startTime": secret},
        json.dumps(job).encode()[:-3],
        f"no JSON but {secret}".encode(),
    ):
        status, _ = await recorder.call("PUT", path, body)
        assert status == 400
    for sink in (
        {"type": "webhook", "url": "http://127.0.0.1/", "secret": secret},
        {"type": "servicebus-queue", "queue": "q", "connectionString": secret},
        {"type": "webhook", "url": f"http://user:{quote(secret)}@127.0.0.1/"},
    ):
        status, _ = await recorder.call("POST", "/api/eventsubscriptions", {"sink": sink})
        assert status == 400
    for headers in (
        {**recorder.headers, "authorization": f"Bearer {stack.secrets.bearer[:-4]}AAAA"},
        {**recorder.headers, "x-functions-key": stack.secrets.wrong_key},
    ):
        status, _ = await recorder.call("GET", "/api/operations", headers=headers)
        assert status == 401
    by_query = {"authorization": recorder.headers["authorization"]}
    for key in (stack.secrets.wrong_key, stack.secrets.host_key):
        await recorder.call("GET", f"/api/operations?code={quote(key)}&limit=x", headers=by_query)


async def send_messages(stack: Stack, recorder: Recorder) -> None:
    """Send a command, and messages that are none."""
    secret = stack.secrets.sent
    job = http_job(f"{stack.target.url}echo", basic(stack.secrets.queued_password))
    command = {
        "command": "CreateOrUpdateJob",
        "resource": f"{JC.removeprefix('/api')}/jobs/queued",
        "body": job,
    }
    wrong = {
        **command,
        "body": http_job(f"{stack.target.url}echo", {"type": "Basic", "pass": secret}),
    }
    for queue, message in (
        ("commands", command),
        ("commands", wrong),
        ("commands", {**command, secret: 1, "password": secret}),
        ("commands", f"no JSON but {secret}".encode()),
        ("history", {"specversion": "1.0", "password": secret, "data": {"secret": secret}}),
        ("history", f"no JSON but {secret}".encode()),
    ):
        status, _ = await recorder.call("POST", f"/admin/queues/{queue}/messages", message)
        assert status == 202


async def until_attempted(recorder: Recorder, names: list[str]) -> None:
    """Wait until each of these jobs has a record."""

    async def look() -> bool | Found:
        missing = []
        for job in names:
            status, history = await recorder.call("GET", f"{JC}/jobs/{job}/history")
            if status != 200 or not history:
                missing.append(job)
        return not missing or Found(f"no record of {', '.join(missing)}")

    await wait_until("each job to be attempted", look, within=PATIENCE, clock=CLOCK)


async def until_told(recorder: Recorder, wanted: Callable[[list[str]], bool], what: str) -> None:
    async def look() -> bool | Found:
        _, page = await recorder.call("GET", "/api/events?limit=1000")
        types = [event["type"] for event in page["value"]]
        return wanted(types) or Found(str(sorted(set(types))))

    await wait_until(what, look, within=PATIENCE, clock=CLOCK)


async def read_everything(recorder: Recorder, names: list[str]) -> None:
    """Ask for all that can be read."""
    paths = [
        *(f"/admin/queues/{queue}/messages?max=100" for queue in QUEUES),
        *(f"/admin/queues/{queue}/$DeadLetterQueue/messages?max=100" for queue in QUEUES),
        *(f"{JC}/jobs/{job}" for job in names),
        *("/api/cloudservices", CS, JC, f"{JC}/jobs", "/api/health", "/admin/host/status"),
        *("/api/operations", "/api/events?limit=1000", "/api/eventsubscriptions"),
    ]
    for path in paths:
        await recorder.call("GET", path)
    _, listed = await recorder.call("GET", "/api/eventsubscriptions")
    for one in listed["value"]:
        await recorder.call("GET", f"/api/eventsubscriptions/{one['id']}")
        await recorder.call("GET", f"/api/eventsubscriptions/{one['id']}/deadletters")


def settings_shown(stack: Stack) -> bytes:
    secret = stack.secrets.settings_key
    settings = load_settings(
        {
            **stack.environment,
            "TOCSIN_CLIENT_CERTIFICATE_PASSWORD": stack.secrets.misplaced,
            "TOCSIN_DATA_KEYS": json.dumps({"keys": {"k1": stack.secrets.data_key}}),
        }
    )
    assert secret in (settings.service_bus_connection or "")
    return f"{settings!r} {settings} {settings.model_copy()}".encode()


@pytest.mark.timeout(120)
async def test_p8_nothing_that_the_stack_produces_has_a_secret_in_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as (stack, recorder, target):
        await stack.start(recorder)
        recorder.headers = stack.read_keys()
        await subscribe(stack, recorder)
        names, failing = await put_jobs(stack, recorder)
        await send_messages(stack, recorder)
        places = stack.files()

        await stack.child.kill()
        places |= {f"{name} after the kill": content for name, content in stack.files().items()}
        await stack.start(recorder)
        await refused(stack, recorder)
        await until_attempted(recorder, [name for name in names if name != "bus"])
        _, operation = await recorder.call("GET", f"/api/operations/{failing}")
        assert operation["status"] == "Failed"
        await until_told(
            recorder,
            lambda types: (
                "tocsin.delivery.deadlettered" in types
                and types.count("tocsin.command.rejected") == 3
            ),
            "a dead letter and three rejections",
        )
        await read_everything(recorder, names)
        await stack.child.kill()

        places |= stack.files()
        places["answers"] = b"\n".join(recorder.answers)
        places["webhooks"] = b"\n".join(one.head + one.body for one in target.received)
        places["settings"] = settings_shown(stack)

    assert b"tocsin.operation.failed" in places["webhooks"]
    assert b'"caller":"auditor"' in places["webhooks"]
    assert any(content.startswith(b"SQLite") for content in places.values())
    secrets = stack.secrets.named()
    assert len(secrets) == 20
    # What somebody puts into a queue is in the broker as it was sent, until its pages are written anew.
    in_messages = {name: secrets.pop(name) for name in ("queued_password", "sent")}
    outside = {name: content for name, content in places.items() if ".db" not in name}
    found = leaks(places, secrets) + leaks(outside, in_messages)
    assert found == [], "\n".join(found)
