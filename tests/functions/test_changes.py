import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from functions.changes import change_provider, change_resource, entitle_resource, submit_commands
from functions.reads import read_provider
from functions.rendering import HttpFunction
from shared.bootstrap import Application
from tests.clocks import FakeClock, settle
from tests.functions.requests import BASE, JOB, JOB_PATH, document_of, operations_of, request
from tests.traces import TRACEPARENT

JC_PATH = JOB_PATH.removesuffix("/jobs/nightly")
KEYED = {"idempotency-key": "k"}
PURCHASE = {
    "resourceProviderNameSpace": "scheduler",
    "type": "JobCollections",
    "registrationDate": "2016-01-01T00:00:00Z",
}
COMMAND = {"command": "CreateOrUpdateJob", "resource": JOB_PATH, "body": JOB}


async def test_p1_a_change_is_accepted_with_where_to_watch_it(app: Application) -> None:
    response = await change_resource(request("PUT", JOB_PATH, JOB))

    operation = document_of(response)
    assert response.status_code == 202
    assert response.headers["Operation-Location"] == f"{BASE}/operations/{operation['id']}"
    assert response.headers["Retry-After"] == "1"
    assert response.headers["x-ms-request-id"]
    assert (await app.connector.operation(operation["id"])).command == "CreateOrUpdateJob"


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [("c" * 256, True), ("grün €", True), ("", True), ("c" * 257, False), ("a\tb", False)],
)
async def test_p10_a_correlation_id_fits_an_event_or_is_refused(
    app: Application, given: str, is_taken: bool
) -> None:
    header = {"x-ms-correlation-request-id": given}

    response = await change_resource(request("PUT", JOB_PATH, JOB, headers=header))

    document = document_of(response)
    if is_taken:
        assert document.get("correlationId", "") == given
    else:
        assert response.status_code == 400
        assert document["error"]["details"][0]["target"] == "x-ms-correlation-request-id"


@pytest.mark.parametrize(("given", "kept"), [(TRACEPARENT, TRACEPARENT), ("no trace", None)])
async def test_p10_a_change_is_made_in_the_callers_trace_or_in_none(
    app: Application, given: str, kept: str | None
) -> None:
    response = await change_resource(request("PUT", JOB_PATH, JOB, headers={"traceparent": given}))

    assert response.status_code == 202
    (operation,) = await operations_of(app)
    assert operation.traceparent == kept


async def test_p1_a_run_of_a_job_is_a_command_for_the_job(app: Application) -> None:
    response = await change_resource(request("POST", f"{JOB_PATH}/run"))

    operation = document_of(response)
    assert response.status_code == 202
    assert (operation["command"], operation["resource"]) == ("RunJob", JOB_PATH)


async def test_p10_a_run_with_a_body_is_400(app: Application) -> None:
    response = await change_resource(request("POST", f"{JOB_PATH}/run", {"now": True}))

    assert response.status_code == 400
    assert document_of(response)["error"]["details"][0]["target"] == "$"


async def test_p4_the_same_idempotency_key_is_the_same_operation(app: Application) -> None:
    headers = {"idempotency-key": "k1"}

    first = await change_resource(request("PUT", JOB_PATH, JOB, headers=headers))
    second = await change_resource(request("PUT", JOB_PATH, JOB, headers=headers))
    other = await change_resource(request("DELETE", JOB_PATH, headers=headers))

    assert document_of(first)["id"] == document_of(second)["id"]
    assert other.status_code == 409


async def test_p10_every_fault_of_a_body_is_told_with_its_path(app: Application) -> None:
    response = await change_resource(
        request("PUT", JOB_PATH, {"action": {"type": "ftp"}, "state": "asleep", "x": 1})
    )

    error = document_of(response)["error"]
    assert response.status_code == 400
    assert error["code"] == "BadRequest"
    assert {fault["target"] for fault in error["details"]} >= {"$.action.type", "$.state", "$.x"}
    assert await operations_of(app) == []


async def test_a_path_without_resource_is_404_and_a_wrong_method_says_which_are_right(
    app: Application,
) -> None:
    missing = await change_resource(request("PUT", "/cloudservices/cs1/jobs/j1", JOB))
    wrong = await change_resource(request("POST", JOB_PATH, JOB))
    wrong_too = await change_resource(request("PUT", f"{JOB_PATH}/run"))

    assert missing.status_code == 404
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "DELETE, GET, PATCH, PUT"
    assert (wrong_too.status_code, wrong_too.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/cloudservices/a%2fb", "/%63loudservices/a%2fb"])
async def test_the_raw_path_names_the_resource(app: Application, path: str) -> None:
    body = {"label": "l", "description": "d", "geoRegion": "West US"}

    response = await change_resource(request("PUT", path, body))

    assert response.status_code == 400  # a slash is no part of a name, and no separator either
    assert document_of(response)["error"]["details"][0]["target"] == "resource"


async def test_p10_a_body_larger_than_a_message_is_413(app: Application) -> None:
    response = await change_resource(request("PUT", JOB_PATH, b" " * (256 * 1024 + 1)))

    assert response.status_code == 413


async def test_one_command_is_answered_as_one_operation(app: Application) -> None:
    response = await submit_commands(request("POST", "/commands", COMMAND))

    assert response.status_code == 202
    assert document_of(response)["resource"] == JOB_PATH
    assert "Operation-Location" in response.headers


async def test_an_array_is_answered_with_an_operation_for_each_command(app: Application) -> None:
    response = await submit_commands(request("POST", "/commands", [COMMAND, COMMAND]))

    assert response.status_code == 202
    assert len(document_of(response)["operations"]) == 2
    assert len(await operations_of(app)) == 2


@pytest.mark.parametrize("bad", [{}, {"command": "Sing"}, 7])
async def test_p10_an_array_with_one_bad_element_accepts_none(
    app: Application, bad: object
) -> None:
    response = await submit_commands(request("POST", "/commands", [COMMAND, bad]))

    targets = [fault["target"] for fault in document_of(response)["error"]["details"]]
    assert response.status_code == 400
    assert all(target.startswith("$[1]") for target in targets)
    assert await operations_of(app) == []


@pytest.mark.parametrize(
    ("function", "method", "path", "body", "command"),
    [
        (change_provider, "POST", "/providers/scheduler/register", b"", "RegisterResourceProvider"),
        (
            change_provider,
            "POST",
            "/providers/scheduler/unregister",
            b"",
            "UnregisterResourceProvider",
        ),
        (entitle_resource, "POST", "/entitlements", PURCHASE, "EntitleResource"),
        (change_resource, "PATCH", f"{JC_PATH}/jobs", {"state": "disabled"}, "SetJobsState"),
        (change_resource, "PATCH", JC_PATH, {"plan": "Free"}, "PatchJobCollection"),
        (change_resource, "POST", f"{JC_PATH}/enable", b"", "EnableJobCollection"),
        (change_resource, "POST", f"{JC_PATH}/disable", b"", "DisableJobCollection"),
        (change_resource, "PUT", JC_PATH, {}, "CreateJobCollection"),
    ],
)
async def test_p1_every_kind_of_resource_is_changed_over_http(
    app: Application, function: HttpFunction, method: str, path: str, body: object, command: str
) -> None:
    response = await function(request(method, path, body))

    assert response.status_code == 202
    assert document_of(response)["command"] == command


async def test_a_put_of_a_collection_with_an_etag_is_an_update(app: Application) -> None:
    response = await change_resource(request("PUT", JC_PATH, {}, headers={"if-match": "e1"}))

    assert document_of(response)["command"] == "UpdateJobCollection"


@pytest.mark.parametrize("path", ["/providers/scheduler/enlist", "/providers", "/providers/a/b/c"])
async def test_what_no_provider_has_is_404(app: Application, path: str) -> None:
    assert (await change_provider(request("POST", path))).status_code == 404


async def test_a_caller_who_would_not_wait_long_gets_the_202_in_time(app: Application) -> None:
    headers = {"prefer": "respond-async, wait=0"}

    response = await change_resource(request("PUT", JOB_PATH, JOB, headers=headers))

    assert response.status_code == 202
    assert "Preference-Applied" not in response.headers
    assert response.headers["Retry-After"] == "1"


async def test_a_caller_who_waits_gets_the_end(app: Application) -> None:
    first = document_of(await change_resource(request("PUT", JOB_PATH, JOB, headers=KEYED)))
    headers = {**KEYED, "prefer": "wait=60"}

    waiting = asyncio.ensure_future(change_resource(request("PUT", JOB_PATH, JOB, headers=headers)))
    await settle()
    await app.connector.cancel(first["id"])
    response = await asyncio.wait_for(waiting, timeout=20)

    assert (response.status_code, document_of(response)["status"]) == (200, "Canceled")
    assert response.headers["Preference-Applied"] == "wait=20"
    assert response.headers["Operation-Location"].endswith(first["id"])
    assert "Retry-After" not in response.headers


async def test_an_array_is_waited_for_until_its_last_end(app: Application) -> None:
    commands = [COMMAND, {**COMMAND, "resource": f"{JOB_PATH}2"}]
    made = document_of(await submit_commands(request("POST", "/commands", commands, headers=KEYED)))
    again = request("POST", "/commands", commands, headers={**KEYED, "prefer": "wait=1"})
    first, second = (one["id"] for one in made["operations"])

    await app.connector.cancel(first)
    early = await in_time(app, submit_commands(again))
    await app.connector.cancel(second)
    late = await in_time(app, submit_commands(again))

    assert (early.status_code, early.headers["Retry-After"]) == (202, "1")
    assert (late.status_code, late.headers["Preference-Applied"]) == (200, "wait=1")
    assert [one["status"] for one in document_of(late)["operations"]] == ["Canceled"] * 2


async def in_time(
    app: Application, call: Coroutine[Any, Any, func.HttpResponse]
) -> func.HttpResponse:
    """Return the answer, letting seconds pass until it is there."""
    clock = app.clock
    assert isinstance(clock, FakeClock)
    waiting = asyncio.ensure_future(call)
    while not (await asyncio.wait([waiting], timeout=0.02))[0]:
        await clock.advance(timedelta(seconds=1))
    return waiting.result()


@pytest.mark.usefixtures("classic_app")
async def test_p10_another_scheduler_is_not_asked_for_what_only_arm_had() -> None:
    run = await change_resource(request("POST", f"{JOB_PATH}/run"))
    many = [COMMAND, {"command": "RunJob", "resource": JOB_PATH}]
    array = await submit_commands(request("POST", "/commands", many))
    provider = await read_provider(request("GET", "/providers/scheduler"))

    assert [run.status_code, array.status_code, provider.status_code] == [501] * 3
    error = document_of(array)["error"]
    assert error["code"] == "OperationNotSupported"
    assert [fault["target"] for fault in error["details"]] == ["$[1].command"]
