"""The service as its clients meet it: `requests` with a client certificate over loopback."""

import asyncio
import re
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from shared.clock import SystemClock
from shared.development_certificates import (
    DevelopmentCertificates,
    create_development_certificates,
    issue,
)
from shared.host.server import Endpoint, Servers
from shared.local_issuer import LocalIssuer
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.embedded.schema import SCHEMA as BROKER_SCHEMA
from shared.messaging.entities import SERVICE_OPERATIONS, TOCSIN_QUEUES
from shared.messaging.wake_up import WakeUp
from shared.scheduler.outgoing import Outgoing
from shared.scheduler.planning import Planner
from shared.scheduler.service.answering import Answering
from shared.scheduler.service.app import SchedulerService
from shared.scheduler.service.certificates import ManagementCertificates
from shared.scheduler.service.endpoints import Endpoints
from shared.scheduler.service.follow_up import FollowUp
from shared.scheduler.service.job_changes import JobChanges
from shared.scheduler.service.operation_steps import JOBS_AT_ONCE
from shared.scheduler.service.operations import ServiceOperations
from shared.scheduler.stores.certificates import SqlCertificates
from shared.scheduler.stores.outgoing import SqlOutgoing
from shared.scheduler.stores.sql import sql_store
from shared.scheduler.stores.tables import SCHEMA
from shared.sealing import Sealer
from shared.sql.migrations import migrate
from shared.sql.sqlite import SqliteDatabase, sqlite_engine
from shared.tls import client_context, load_certificates
from shared.tls_server import ServerContext
from shared.wire.errors import read_error
from tests.shared.scheduler.engine_stack import RUN_NOW_DELAY
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC,
    JC_PASSED,
    JOB,
    JOBS,
    ROOT,
    SUBSCRIPTION,
    VERSION,
    EngineBell,
    build_authentication,
    job_collection,
)

STATES = ("disabled", "enabled")


class ContextAdapter(HTTPAdapter):
    """Makes `requests` use an `ssl.SSLContext`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=32)

    def init_poolmanager(self, *arguments: object, **options: object) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)  # type: ignore[arg-type]


class Caller:
    """A client in a thread of its own."""

    def __init__(self, url: str, context: ssl.SSLContext, pool: ThreadPoolExecutor) -> None:
        self._url = url
        self._pool = pool
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("https://", ContextAdapter(context))

    async def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        def call() -> requests.Response:
            url = self._url + path
            return self._session.request(method, url, headers=VERSION, timeout=20, **options)

        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def files(tmp_path: Path) -> DevelopmentCertificates:
    return create_development_certificates(tmp_path / "tls", now=SystemClock().now())


@pytest.fixture
async def url(tmp_path: Path, files: DevelopmentCertificates) -> AsyncIterator[str]:
    path = tmp_path / "tocsin.db"
    engine = sqlite_engine(path)
    migrate(engine, BROKER_SCHEMA)
    migrate(engine, SCHEMA)
    engine.dispose()
    clock = SystemClock()
    database = SqliteDatabase(path, clock=clock)
    broker = EmbeddedBroker(database, clock=clock, queues=TOCSIN_QUEUES)
    store, outgoing = sql_store(broker), Outgoing(database, SqlOutgoing(), broker)
    planner = Planner(store, outgoing, new_id=new_id, run_now_delay=RUN_NOW_DELAY)
    job_changes = JobChanges(store, planner, outgoing)
    follow_up = FollowUp(outgoing, on_planned=EngineBell().ring)
    operations = ServiceOperations(
        database, store, job_changes=job_changes, follow_up=follow_up, clock=clock
    )
    certificates = ManagementCertificates(database, SqlCertificates(), identity_clock=clock)
    await certificates.introduce(SUBSCRIPTION, *load_certificates((files.client_cer,)))
    endpoints = Endpoints(
        store,
        job_changes,
        certificates=certificates,
        sealer=Sealer({"k1": b"k" * 32}, current="k1"),
        new_id=new_id,
        clock=clock,
    )
    app = SchedulerService(
        Answering(database, endpoints, operations, follow_up=follow_up),
        build_authentication(certificates, LocalIssuer(tmp_path), clock),
        clock=clock,
        new_id=new_id,
    )
    tls = ServerContext(files.server)
    endpoint = Endpoint(app=app, port=0, tls=tls, tells_date=True, refusal=app.refusal)
    servers = Servers([endpoint], grace_seconds=1)
    (port,) = await servers.start()
    pump = asyncio.create_task(carry_out(broker, operations))
    yield f"https://127.0.0.1:{port}"
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    await servers.stop()
    await broker.close()
    await database.close()


def new_id() -> str:
    return uuid.uuid4().hex


async def carry_out(broker: EmbeddedBroker, operations: ServiceOperations) -> None:
    receiver = broker.receiver(SERVICE_OPERATIONS)
    while True:
        for message in await receiver.receive(max_messages=1, max_wait=timedelta(seconds=5)):
            await operations.run(WakeUp.decode(message.message.body))
            await receiver.complete(message)


@pytest.fixture
async def connect(url: str) -> AsyncIterator[Callable[[ssl.SSLContext], Caller]]:
    callers: list[Caller] = []
    with ThreadPoolExecutor(32) as pool:

        def new(context: ssl.SSLContext) -> Caller:
            callers.append(Caller(url, context, pool))
            return callers[-1]

        yield new
        for caller in callers:
            caller.close()


@pytest.fixture
def call(connect: Callable[[ssl.SSLContext], Caller], files: DevelopmentCertificates) -> Caller:
    return connect(client_context(files.client_pfx.read_bytes(), authority=files.authority))


async def succeeded(call: Caller, accepted: requests.Response) -> None:
    """Poll as a client does; the time limit of the test ends it."""
    assert accepted.status_code == 202
    path = f"{ROOT}/operations/{accepted.headers['x-ms-request-id']}"
    while "InProgress" in (answer := await call("GET", path)).text:
        pass
    assert "<Status>Succeeded</Status>" in answer.text


async def test_a_life_of_a_job_over_tls(call: Caller) -> None:
    await succeeded(call, await call("PUT", CS, data=CLOUD_SERVICE))
    await succeeded(call, await call("PUT", JC, data=job_collection()))

    created = await call("PUT", f"{JOBS}/nightly", json=JOB)
    found = await call("GET", f"{JOBS}/nightly")
    deleted = await call("DELETE", f"{JOBS}/nightly")
    gone = await call("GET", f"{JOBS}/nightly")

    assert [one.status_code for one in (created, found, deleted, gone)] == [201, 200, 200, 404]
    assert found.json() == created.json()
    assert deleted.headers["Transfer-Encoding"] == "chunked"
    # `requests` joins repeated headers by a comma.
    assert "," not in deleted.headers["Server"]
    assert deleted.headers["Date"].count("GMT") == 1
    await succeeded(call, await call("DELETE", CS))


async def test_a_stranger_is_told_in_http_and_the_others_go_on(
    call: Caller,
    connect: Callable[[ssl.SSLContext], Caller],
    files: DevelopmentCertificates,
) -> None:
    stranger = issue("stranger", now=SystemClock().now(), authority=None)
    refused = [
        await connect(client_context(stranger.pem(), authority=files.authority))("GET", CS),
        await connect(ssl.create_default_context(cafile=files.authority))("GET", CS),
    ]

    for answer in refused:
        assert answer.status_code == 403
        assert "<Code>AuthenticationFailed</Code>" in answer.text
    assert (await call("GET", f"{ROOT}/cloudservices")).status_code == 200


async def test_a_revocation_counts_on_connections_that_are_kept(
    call: Caller, files: DevelopmentCertificates
) -> None:
    assert (await call("GET", f"{ROOT}/cloudservices")).status_code == 200
    (own,) = load_certificates((files.client_cer,))

    revoked = await call("DELETE", f"{ROOT}/certificates/{own.thumbprint}")

    assert revoked.status_code == 200
    assert "close" not in revoked.headers.get("Connection", "")
    assert (await call("GET", f"{ROOT}/cloudservices")).status_code == 403


async def test_p10_a_megabyte_is_refused_and_the_connection_serves_on(call: Caller) -> None:
    refused = await call("PUT", CS, data=b"x" * 1_000_000)
    chunked = await call("PUT", CS, data=iter([b"x" * 1000] * 1000))

    assert (refused.status_code, chunked.status_code) == (400, 400)
    assert (await call("GET", f"{ROOT}/cloudservices")).status_code == 200


async def test_many_at_once_are_all_answered(call: Caller) -> None:
    await succeeded(call, await call("PUT", CS, data=CLOUD_SERVICE))
    await succeeded(call, await call("PUT", JC, data=job_collection("P20Premium")))

    answers = await asyncio.gather(
        *(call("PUT", f"{JOBS}/job{number}", json=JOB) for number in range(300))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len((await call("GET", JOBS)).json()) == 300


async def test_callers_who_wait_at_the_same_time_beside_the_queue_are_all_answered(
    call: Caller,
) -> None:
    await succeeded(call, await call("PUT", CS, data=CLOUD_SERVICE))
    await succeeded(call, await call("PUT", JC, data=job_collection("P20Premium")))
    puts = [call("PUT", f"{JOBS}/job{number}", json=JOB) for number in range(JOBS_AT_ONCE + 20)]
    assert {one.status_code for one in await asyncio.gather(*puts)} == {201}

    changes = [call("PATCH", JOBS, json={"state": state}) for state in STATES * 4]
    turns = [call("POST", f"{JC_PASSED}/{turn}") for turn in ("disable", "enable") * 4]
    answers = await asyncio.gather(*changes, *turns)
    stopped = await call("POST", f"{JC_PASSED}/disable")
    wanted = await call("PATCH", JOBS, json={"state": "enabled"})
    started = await call("POST", f"{JC_PASSED}/enable")

    assert {one.status_code for one in (*answers, stopped, wanted, started)} == {200}
    assert {job["state"] for job in wanted.json()} == {"disabled"}
    jobs = (await call("GET", JOBS)).json()
    assert [job["state"] for job in jobs] == ["enabled"] * (JOBS_AT_ONCE + 20)
    assert all("nextExecutionTime" in job["status"] for job in jobs)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"FOO /S/cloudservices HTTP/1.1\r\nHost: x\r\n\r\n", "InvalidHttpVerb"),
        (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "BadRequest"),
        (
            b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "BadRequest",
        ),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "BadRequest"),
        (b"GET /%s HTTP/1.1\r\n\r\n" % (b"a" * 70_000), "BadRequest"),
        (b"\x16\x03\x01 no http at all\r\n\r\n", "InvalidHttpVerb"),
    ],
)
async def test_p10_what_is_no_http_is_refused_as_the_front_end_refuses(
    request_: bytes, code: str, url: str, files: DevelopmentCertificates
) -> None:
    context = ssl.create_default_context(cafile=str(files.authority))
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(request_)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()

    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    said = read_error(body)
    assert status == "HTTP/1.1 400 Bad Request"
    assert body.startswith(b"<Error")
    assert said is not None
    assert (said.code, bool(said.message)) == (code, True)
    assert re.fullmatch("[0-9a-f]{32}", headers["x-ms-request-id"])
    assert headers["content-type"] == "application/xml; charset=utf-8"
    assert headers["content-length"] == str(len(body))
    assert headers["connection"] == "close"
    assert {"server", "x-ms-servedbyregion", "cache-control"} <= headers.keys()
    assert [line.partition(":")[0] for line in lines].count("date") == 1
