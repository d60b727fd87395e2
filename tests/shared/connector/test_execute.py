"""One operation against a Scheduler that misbehaves as told."""

import asyncio
import json
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path

import pytest

from shared.client.scheduler import RestRequest, RestResponse
from shared.connector.operations import Operation, OperationStatus
from shared.connector.stores.starting import LEASE
from shared.messaging.entities import OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.wire.errors import rdfe_error
from tests.clocks import settle
from tests.shared.connector.servers import answer, scripted, scripted_elsewhere
from tests.shared.connector.world import CLOUD_SERVICE, JC, JOB, World, message, opened, put_job

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
CREATED = answer(201, b'{"id": "nightly"}')
REFUSED = answer(403, rdfe_error("AuthenticationFailed", "unknown certificate"))
BUSY = answer(503, rdfe_error("ServerBusy", "later"))
RUN = message("RunJob", f"{JC}/jobs/nightly")


def is_over(coroutine: Coroutine[None, None, None]) -> bool:
    """Let it run to its next await; whether there is none."""
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    return False


async def failure(world: World, operation: Operation) -> str | None:
    found = await world.operation(operation)
    return found.error.code if found.error else None


async def test_request_is_that_of_the_catalogue_and_repeatable(tmp_path: Path) -> None:
    server, client = scripted(BUSY, CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job("a b"))
        await world.run()

    first, second = server.seen
    assert (first.method, first.json()) == ("PUT", JOB)
    assert first.target == (
        "/00000000-0000-0000-0000-000000000001/cloudservices/cs1/resources/scheduler/~"
        "/JobCollections/jc1/jobs/a%20b?api-version=2014-04-01"
    )
    assert first.headers["repeatability-request-id"] == operation.id
    assert first.headers["repeatability-first-sent"] == "Thu, 01 Jan 2026 12:00:00 GMT"
    assert first.headers["content-type"] == "application/json; charset=utf-8"
    assert second == first


async def test_front_end_gets_xml_and_the_etag(tmp_path: Path) -> None:
    server, client = scripted(answer(409, rdfe_error("ConflictError", "no")))
    async with opened(tmp_path, client) as world:
        command = message("UpdateJobCollection", JC, {"plan": "standard"}, ifMatch="e1")
        (operation,) = await world.accept(command)
        await world.run()
        assert await failure(world, operation) == "ConflictError"

    (seen,) = server.seen
    assert b"<Plan>Standard</Plan>" in seen.body
    assert (seen.headers["content-type"], seen.headers["if-match"]) == ("application/xml", "e1")


async def test_job_without_an_id_is_put_under_the_operations(tmp_path: Path) -> None:
    server, client = scripted(CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(message("CreateJob", f"{JC}/jobs", JOB))
        await world.run()

    name = operation.id.replace("-", "")
    assert operation.resource == f"{JC}/jobs/{name}"
    assert (server.seen[0].method, server.seen[0].target.split("/")[-1]) == (
        "PUT",
        f"{name}?api-version=2014-04-01",
    )


async def test_p7_run_is_asked_for_again_as_the_same_one(tmp_path: Path) -> None:
    server, client = scripted(ConnectionError("gone"), BUSY, answer(200))
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(RUN)
        await world.run()
        ended = await world.operation(operation)

    assert (ended.status, ended.http_status, ended.result) == ("Succeeded", 200, None)
    assert operation.resource == f"{JC}/jobs/nightly"
    first, *others = server.seen
    assert (first.method, first.body) == ("POST", b"")
    assert first.target.endswith("/jc1/jobs/nightly/run?api-version=2014-04-01")
    assert first.headers["repeatability-request-id"] == operation.id
    assert first.headers["repeatability-first-sent"] == "Thu, 01 Jan 2026 12:00:00 GMT"
    assert not {"content-type", "if-match"} & first.headers.keys()
    assert others == [first, first]


async def test_run_without_any_answer_ends_as_unknown_after_a_look_at_the_job(
    tmp_path: Path,
) -> None:
    server, client = scripted(ConnectionError("gone"), ConnectionError("gone"), CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept({**RUN, "deadline": "PT1S"})
        await world.run()

        assert await failure(world, operation) == "OutcomeUnknown"
    assert [seen.method for seen in server.seen] == ["POST", "POST", "GET"]
    assert server.seen[-1].target.endswith("/jobs/nightly?api-version=2014-04-01")


async def test_put_is_settled_by_the_job_and_not_by_its_history(tmp_path: Path) -> None:
    gone, job = ConnectionError("gone"), {"id": "nightly", **JOB, "state": "enabled"}
    server, client = scripted(gone, gone, answer(200, json.dumps(job).encode()))
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job(deadline="PT1S"))
        await world.run()

        assert (await world.operation(operation)).status is OperationStatus.SUCCEEDED
    assert server.seen[-1].method == "GET"
    assert server.seen[-1].target.endswith("/jobs/nightly?api-version=2014-04-01")


async def test_p3_run_comes_after_the_put_of_its_job_and_before_its_deletion(
    tmp_path: Path,
) -> None:
    server, client = scripted(BUSY, CREATED, answer(200))
    async with opened(tmp_path, client) as world:
        await world.accept(put_job(), RUN, message("DeleteJob", f"{JC}/jobs/Nightly"))
        await world.run()

    assert [seen.method for seen in server.seen] == ["PUT", "PUT", "POST", "DELETE"]


async def test_history_as_a_command_is_the_result_of_its_operation(tmp_path: Path) -> None:
    _, client = scripted(answer(200, b'[{"jobId": "nightly", "status": "completed"}]'))
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(message("GetJobHistory", f"{JC}/jobs/nightly"))
        await world.run()

        assert (await world.operation(operation)).result == [
            {"jobId": "nightly", "status": "completed"}
        ]


async def test_p2_end_is_told_once_and_says_what_happened(tmp_path: Path) -> None:
    _, client = scripted(CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        await world.run()
        (event,) = await world.events()
        ended = await world.operation(operation)

    assert event["id"] == f"{operation.id}/end"
    assert event["type"] == "tocsin.operation.succeeded"
    assert (event["subject"], event["operationid"]) == (operation.resource, operation.id)
    assert event["data"] == ended.to_json()
    assert ended.result == {"id": "nightly"}


async def test_trouble_is_tried_again_until_the_deadline(tmp_path: Path) -> None:
    server, client = scripted(BUSY)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job(deadline="PT10M"))
        await world.run()
        ended = await world.operation(operation)

    assert ended.error is not None
    assert (ended.status, ended.error.code, ended.http_status) == ("Failed", "ServerBusy", 503)
    assert ended.finished_at == operation.requested_at + 10 * timedelta(minutes=1)
    assert 10 < len(server.seen) < 20


async def test_refused_certificate_pauses_and_an_hour_of_it_fails_nothing(tmp_path: Path) -> None:
    server, client = scripted(REFUSED)
    async with opened(tmp_path, client) as world:
        operations = await world.accept(*(put_job(f"j{n}", deadline="PT5M") for n in range(20)))
        await world.run(HOUR)
        assert world.connector.health()["status"] == "paused"
        assert "unknown certificate" in world.connector.health()["reason"]
        calls = len(server.seen)

        server.answers.append(CREATED)
        await world.run()
        ended = [await world.operation(one) for one in operations]

        assert world.connector.health() == {"status": "running"}
    assert {one.status for one in ended} == {OperationStatus.SUCCEEDED}
    assert calls < 100


async def test_command_whose_deadline_passed_unsent_is_not_sent(tmp_path: Path) -> None:
    server, client = scripted(CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job(deadline="PT1M"))
        await world.clock.advance(61 * SECOND)
        await world.run()

        assert await failure(world, operation) == "DeadlineExceeded"
    assert server.seen == []


async def test_deletion_is_a_success_when_an_unknown_attempt_had_done_it(tmp_path: Path) -> None:
    _, client = scripted(ConnectionError("gone"), answer(404))
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(message("DeleteJob", f"{JC}/jobs/a"))
        await world.run()

        assert (await world.operation(operation)).status is OperationStatus.SUCCEEDED


async def test_p7_crash_makes_the_outcome_unknown(tmp_path: Path) -> None:
    """A lease that ended without a record may have deleted the job already."""
    _, client = scripted(answer(404))
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(message("DeleteJob", f"{JC}/jobs/a"))
        await world.store.start(WakeUp(operation.id, 0), now=world.clock.now())
        await world.clock.advance(LEASE)
        await world.connector.sweep()
        await world.run()

        assert (await world.operation(operation)).status is OperationStatus.SUCCEEDED


async def test_ten_leases_without_a_record_end_the_operation(tmp_path: Path) -> None:
    server, client = scripted(CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        for attempt in range(10):
            await world.store.start(WakeUp(operation.id, attempt), now=world.clock.now())
            await world.clock.advance(LEASE)
        await world.connector.sweep()
        await world.run()

        assert await failure(world, operation) == "AttemptsExhausted"
    assert server.seen == []


async def test_attempt_that_lost_its_lease_changes_nothing(tmp_path: Path) -> None:
    server, client = scripted(answer(409), CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        first = world.connector.execute(WakeUp(operation.id, 0))
        while not server.seen:
            assert not is_over(first)
        world.clock.set(world.clock.now() + LEASE)
        await world.connector.execute(WakeUp(operation.id, 1))
        while not is_over(first):
            pass

        assert (await world.operation(operation)).status is OperationStatus.SUCCEEDED
        assert len(await world.events()) == 1


async def test_early_wake_up_waits_for_its_time(tmp_path: Path) -> None:

    server, client = scripted(BUSY, CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        await world.connector.execute(WakeUp(operation.id, 0))

        early = asyncio.create_task(world.connector.execute(WakeUp(operation.id, 1)))
        await settle()
        assert len(server.seen) == 1
        await world.clock.advance(SECOND)
        await early

        assert (await world.operation(operation)).status is OperationStatus.SUCCEEDED


async def test_wake_ups_that_name_nothing_to_do_are_harmless(tmp_path: Path) -> None:
    server, client = scripted(CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        await world.run()
        for wake_up in (WakeUp(operation.id, 0), WakeUp(operation.id, 1), WakeUp("nobody", 0)):
            await world.connector.execute(wake_up)

        assert await world.broker.peek(OPERATIONS) == []
    assert len(server.seen) == 1


async def test_p8_no_secret_leaves_the_connector_but_towards_the_scheduler(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = {"authentication": {"type": "Basic", "username": "u", "password": "geheim"}}
    request = {"method": "GET", "uri": "https://example.org/", **secret}
    server, client = scripted(answer(201, b'{"id": "a", "password": "geheim"}'))
    async with opened(tmp_path, client) as world:
        body = {"action": {"type": "https", "request": request}}
        (operation,) = await world.accept(message("CreateOrUpdateJob", f"{JC}/jobs/a", body))
        stored = str(await world.rows("SELECT * FROM operation"))
        await world.run()
        told = str(await world.events()) + str(await world.operation(operation))
        stored += str(await world.rows("SELECT * FROM operation"))

    assert server.seen[0].json()["action"]["request"]["authentication"]["password"] == "geheim"
    assert "geheim" not in stored + told + caplog.text


async def test_cloud_service_is_polled_until_it_is_there(tmp_path: Path) -> None:
    operation_id = "0123456789abcdef0123456789abcdef"
    body = (
        '<Operation xmlns="http://schemas.microsoft.com/windowsazure">'
        f"<ID>{operation_id}</ID><Status>{{}}</Status></Operation>"
    )
    server, client = scripted(
        answer(202, x_ms_request_id=operation_id),
        answer(200, body.format("InProgress").encode()),
        answer(200, body.format("Succeeded").encode()),
    )
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(
            message("CreateOrUpdateCloudService", "/cloudservices/cs1", CLOUD_SERVICE)
        )
        await world.run()

        assert (await world.operation(operation)).status is OperationStatus.SUCCEEDED
    assert [seen.target.split("/")[-1] for seen in server.seen[1:]] == [operation_id] * 2


async def test_another_server_is_looked_at_before_a_put_is_made_again(tmp_path: Path) -> None:
    server, client = scripted_elsewhere(ConnectionError("gone"), BUSY, answer(404), CREATED)
    async with opened(tmp_path, client) as world:
        (operation,) = await world.accept(put_job())
        await world.run()

        assert (await world.operation(operation)).status is OperationStatus.SUCCEEDED
        assert len(await world.events()) == 1
    assert [seen.method for seen in server.seen] == ["PUT", "GET", "GET", "PUT"]


async def test_p7_crash_at_another_server_makes_nothing_twice(tmp_path: Path) -> None:
    job = json.dumps({"id": "nightly", **JOB, "state": "enabled"}).encode()
    server, client = scripted_elsewhere(answer(200, job))
    async with opened(tmp_path, client) as world:
        put, run = await world.accept(put_job(), RUN | {"resource": f"{JC}/jobs/other"})
        for operation in (put, run):
            await world.store.start(WakeUp(operation.id, 0), now=world.clock.now())
        await world.clock.advance(LEASE)
        await world.connector.sweep()
        await world.run()

        assert (await world.operation(put)).status is OperationStatus.SUCCEEDED
        assert await failure(world, run) == "OutcomeUnknown"
    assert [seen.method for seen in server.seen] == ["GET"]


async def test_p3_what_an_end_releases_is_carried_out_by_the_same_call(tmp_path: Path) -> None:
    server, client = scripted(CREATED, answer(409), CREATED, BUSY)
    async with opened(tmp_path, client) as world:
        operations = await world.accept(*(put_job() for _ in range(5)))
        await world.connector.execute(WakeUp(operations[0].id, 0))

        statuses = [(await world.operation(one)).status for one in operations]
        assert statuses == ["Succeeded", "Failed", "Succeeded", "Running", "NotStarted"]
        assert len(await world.events()) == 3
    assert len(server.seen) == 4


async def test_one_call_goes_on_for_thirty_seconds_and_leaves_the_rest_to_messages(
    tmp_path: Path,
) -> None:
    class Slow:
        """Every answer takes 20 seconds."""

        async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
            world.clock.set(world.clock.now() + 20 * SECOND)
            return CREATED

        async def close(self) -> None: ...

    async with opened(tmp_path, Slow()) as world:
        operations = await world.accept(*(put_job() for _ in range(4)))
        await world.connector.execute(WakeUp(operations[0].id, 0))

        statuses = [(await world.operation(one)).status for one in operations]
        assert statuses == ["Succeeded", "Succeeded", "NotStarted", "NotStarted"]
        await world.run()
        assert {(await world.operation(one)).status for one in operations} == {"Succeeded"}
