"""Jobs with every type of action and authentication, as the service stores and shows them."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic_core import from_json

from shared.errors import InvalidRequestError
from shared.scheduler.action import sealing_context
from shared.scheduler.job_documents import check_size
from shared.scheduler.stores.tables import job as job_table
from shared.sealing import Sealer
from shared.wire.json_types import Json, JsonObject
from tests.client_certificates import TERRAFORM, name, pfx_of, self_signed
from tests.shared.scheduler.scheduler_stack import JC, JOBS, Stack, job_collection
from tests.shared.wire.recordings import RECORDED_PFX

IDENTITY = self_signed(name(*TERRAFORM))
CERTIFICATE: JsonObject = {
    "type": "clientCertificate", "pfx": RECORDED_PFX, "password": "pass@word1"
}  # fmt: skip
TOLD = {
    "certificateThumbprint": "77ED5AD8B6E3CDCF68E29FA8C41309EB3A128CEA",
    "certificateExpiration": "2021-01-01T07:00:00Z",
    "certificateSubjectName": "CN=May14SchedulerMgmt",
    "type": "ClientCertificate",
}
OAUTH: JsonObject = {
    "type": "activeDirectoryOAuth", "tenant": "t", "audience": "a", "clientId": "c", "secret": "s3cr3t!"
}  # fmt: skip
BUS: JsonObject = {
    "namespace": "n",
    "authentication": {"type": "SharedAccessKey", "sasKeyName": "k", "sasKey": "s3cr3t!"},
}
QUEUES: dict[str, JsonObject] = {
    "queueMessage": {"storageAccount": "a", "queueName": "q", "sasToken": "s3cr3t!"},
    "serviceBusQueueMessage": {"queueName": "q", **BUS},
    "serviceBusTopicMessage": {"topicPath": "t", **BUS},
}


@pytest.fixture
async def ready(stack: Stack) -> Stack:
    """A stack with a collection."""
    await stack.prepare()
    return stack


def http_job(authentication: Json = None, **members: Json) -> dict[str, Any]:
    request: JsonObject = {
        "uri": "http://e.org/",
        "method": "GET",
        "authentication": authentication,
    }
    return {"action": {"type": "http", "request": request}, **members}


def patch(authentication: Json) -> dict[str, Any]:
    return {"action": {"request": {"authentication": authentication}}}


async def authentication_in(stack: Stack, reply: Any) -> Any:
    """Return what an answer tells, once it is sure that it tells what is stored and no secret."""
    assert reply.status in (200, 201), reply.body
    for secret in (b"pass@word1", b"sealed1", b"geheim", b"pfx", b"s3cr3t!"):
        assert secret not in reply.body
    assert (await stack.call("GET", f"{JOBS}/a")).body == reply.body
    return reply.json()["action"]["request"]["authentication"]


async def stored(stack: Stack) -> JsonObject:
    """Return the stored definition of the one job, its secrets opened."""
    [row] = await stack.database.read(
        lambda connection: connection.execute(job_table.select()).all()
    )
    document: JsonObject = from_json(row.definition)
    assert "pass@word1" not in row.definition
    return document


async def opened(stack: Stack, member: str) -> str:
    action: Any = (await stored(stack))["action"]
    sealed = action["request"]["authentication"][member]
    _, subscription, _, service, _, _, _, _, collection, _ = JOBS.split("/")
    context = sealing_context(
        subscription=subscription, cloud_service=service, job_collection=collection, job="a"
    )
    return stack.sealer.unseal(sealed, context=context)


async def test_p8_a_certificate_is_told_and_its_key_sealed(ready: Stack) -> None:
    created = await ready.call("PUT", f"{JOBS}/a", http_job(CERTIFICATE))

    assert await authentication_in(ready, created) == TOLD
    assert await opened(ready, "pfx") == RECORDED_PFX
    assert await opened(ready, "password") == "pass@word1"


async def test_a_patch_keeps_the_certificate_it_does_not_name(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", http_job(CERTIFICATE))

    for change in ({"state": "disabled"}, patch({}), patch(dict(TOLD))):
        patched = await ready.call("PATCH", f"{JOBS}/a", change)

        assert await authentication_in(ready, patched) == TOLD
        assert await opened(ready, "pfx") == RECORDED_PFX


async def test_a_patch_with_a_new_pfx_is_told_anew(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", http_job(CERTIFICATE))
    pfx = pfx_of(IDENTITY, "geheim")

    patched = await ready.call("PATCH", f"{JOBS}/a", patch({"pfx": pfx, "password": "geheim"}))
    told = await authentication_in(ready, patched)

    assert told["certificateSubjectName"].startswith("CN=Terraform App Gateway, OU=Azure")
    assert told["certificateThumbprint"] != TOLD["certificateThumbprint"]
    assert await opened(ready, "pfx") == pfx
    assert await opened(ready, "password") == "geheim"


@pytest.mark.parametrize(
    ("authentication", "member"),
    [
        ({"password": "new"}, "password"),
        ({"pfx": pfx_of(IDENTITY, "geheim")}, "pfx"),
        ({"pfx": pfx_of(IDENTITY, "geheim"), "password": "new"}, "pfx"),
        ({"type": "Basic", "username": "u"}, "password"),
        ({"type": "ActiveDirectoryOAuth"}, "tenant"),
    ],
)
async def test_a_patch_that_leaves_no_authentication_is_refused(
    ready: Stack, authentication: Json, member: str
) -> None:
    await ready.call("PUT", f"{JOBS}/a", http_job(CERTIFICATE))

    refused = await ready.call("PATCH", f"{JOBS}/a", patch(authentication))

    assert refused.status == 400
    assert f"$.action.request.authentication.{member}" in refused.json()["error"]["message"]
    assert await opened(ready, "pfx") == RECORDED_PFX


async def test_another_type_leaves_nothing_of_the_old_one(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", http_job(CERTIFICATE))

    patched = await ready.call("PATCH", f"{JOBS}/a", patch(OAUTH))

    answered = await authentication_in(ready, patched)
    assert answered == {
        "tenant": "t", "audience": "a", "clientId": "c", "type": "ActiveDirectoryOAuth"
    }  # fmt: skip
    action: Any = (await stored(ready))["action"]
    assert action["request"]["authentication"].keys() == answered.keys() | {"secret"}


async def test_null_removes_it_and_an_answer_lacks_what_a_new_one_needs(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", http_job(CERTIFICATE))

    put_back = await ready.call("PUT", f"{JOBS}/a", http_job(dict(TOLD)))
    removed = await ready.call("PATCH", f"{JOBS}/a", patch(None))

    assert put_back.status == 400
    assert "$.action.request.authentication.pfx: is required" in put_back.json()["error"]["message"]
    assert "authentication" not in removed.json()["action"]["request"]


@pytest.mark.parametrize("payload", QUEUES)
async def test_p8_queue_actions_are_answered_without_their_credentials(
    ready: Stack, payload: str
) -> None:
    kind = {"queueMessage": "StorageQueue"}.get(payload, payload.removesuffix("Message"))
    action: JsonObject = {"type": kind, payload: QUEUES[payload]}
    document: dict[str, Any] = {"action": {**action, "errorAction": action}}

    created = await ready.call("PUT", f"{JOBS}/a", document)
    patched = await ready.call("PATCH", f"{JOBS}/a", {"action": {payload: {"message": "m"}}})

    assert (created.status, patched.status) == (201, 200)
    for reply in (created, patched, await ready.call("GET", JOBS)):
        assert b"s3cr3t!" not in reply.body
        assert b"sealed1" not in reply.body
    answered = patched.json()["action"]
    assert answered[payload]["message"] == "m"
    assert "message" not in answered["errorAction"][payload]
    assert "s3cr3t!" not in str(await stored(ready))


async def test_a_patch_may_change_what_an_action_is(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", http_job(CERTIFICATE))
    change: dict[str, Any] = {
        "action": {"type": "StorageQueue", "queueMessage": QUEUES["queueMessage"]}
    }

    patched = await ready.call("PATCH", f"{JOBS}/a", change)

    assert patched.json()["action"] == {
        "queueMessage": {"storageAccount": "a", "queueName": "q"}, "type": "storageQueue"
    }  # fmt: skip
    assert "sealed" not in str((await stored(ready)).get("request"))


async def test_p8_the_credentials_of_the_first_preview_are_nowhere(ready: Stack) -> None:
    request: JsonObject = {
        "uri": "http://e.org/",
        "method": "GET",
        "httpAuthentication": CERTIFICATE,
    }
    document: dict[str, Any] = {"action": {"type": "http", "request": request}}

    created = await ready.call("PUT", f"{JOBS}/a", document)
    patched = await ready.call("PATCH", f"{JOBS}/a", document)

    for reply in (created, patched):
        assert reply.json()["action"]["request"] == {"uri": "http://e.org/", "method": "GET"}
    assert "pfx" not in str(await stored(ready))


async def test_a_free_collection_has_no_authentication_of_any_type(ready: Stack) -> None:
    await ready.call("PUT", JC.replace("jc1", "free"), job_collection("Free"))
    await ready.work()
    jobs = JOBS.replace("jc1", "free")

    for authentication in (CERTIFICATE, OAUTH):
        refused = await ready.call("PUT", f"{jobs}/a", http_job(authentication))
        assert refused.status == 409
    document: dict[str, Any] = {
        "action": {
            "type": "serviceBusQueue",
            "serviceBusQueueMessage": QUEUES["serviceBusQueueMessage"],
        }
    }
    assert (await ready.call("PUT", f"{jobs}/b", document)).status == 201


async def test_a_job_that_was_taken_can_be_patched_however_its_secrets_are_sealed(
    ready: Stack,
) -> None:
    request = http_job(CERTIFICATE)["action"]["request"] | {"body": "b" * 8000, "method": "POST"}
    document: dict[str, Any] = {
        "action": {
            "type": "http",
            "request": request,
            "errorAction": http_job(CERTIFICATE)["action"],
        }
    }
    assert (await ready.call("PUT", f"{JOBS}/a", document)).status == 201

    assert (await ready.call("PATCH", f"{JOBS}/a", {"state": "disabled"})).status == 200


def test_secrets_count_as_what_they_are() -> None:
    sealer = Sealer({"k1": bytes(32)}, current="k1")

    check_size({"password": sealer.seal("x" * 16_300, context="c")})
    with pytest.raises(InvalidRequestError, match="would have 16385 bytes"):
        check_size({"password": sealer.seal("x" * (16_385 - 15), context="c")})


async def test_a_job_with_a_certificate_is_claimed_and_told_like_any_other(ready: Stack) -> None:
    document = http_job(CERTIFICATE, recurrence={"frequency": "hour", "count": 3})
    await ready.call("PUT", f"{JOBS}/a", document)

    await ready.engine.step(timedelta(minutes=1))
    await ready.engine.step(timedelta(hours=1))

    first, second = ready.engine.action.attempts
    assert first.action == second.action == (await stored(ready))["action"]
    assert (await ready.call("GET", f"{JOBS}/a")).json()["state"] == "enabled"
