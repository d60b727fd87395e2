"""The Scheduler service over a real file and the embedded broker, called in process."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from shared.bearer_tokens.key_sets import FileKeySet
from shared.bearer_tokens.tokens import Tokens, TrustedIssuer
from shared.clock import Clock
from shared.development_certificates import create_development_certificates
from shared.local_issuer import (
    AUDIENCE,
    ISSUER,
    SUBSCRIPTIONS_CLAIM,
    LocalIssuer,
    public_key_set,
)
from shared.messaging.embedded.broker import EmbeddedBroker
from shared.messaging.entities import SERVICE_OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.scheduler.engine import TIMER_HORIZON
from shared.scheduler.service.answering import Answering
from shared.scheduler.service.app import SchedulerService
from shared.scheduler.service.authentication import Authentication
from shared.scheduler.service.certificates import ManagementCertificates
from shared.scheduler.service.endpoints import Endpoints
from shared.scheduler.service.follow_up import FollowUp
from shared.scheduler.service.job_changes import JobChanges
from shared.scheduler.service.operations import ServiceOperations
from shared.scheduler.store import SchedulerStore
from shared.scheduler.stores.certificates import SqlCertificates
from shared.sealing import Sealer
from shared.sql.database import Database
from shared.sql.inline import InlineDatabase
from shared.tls import load_certificates
from shared.wire.json_types import Json
from tests.clocks import FakeClock
from tests.shared.scheduler.engine_stack import EngineStack, build_stack, migrated

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
ROOT = f"/{SUBSCRIPTION}"
CS = f"{ROOT}/cloudservices/cs1"
JC = f"{CS}/resources/scheduler/JobCollections/jc1"
JC_PASSED = f"{CS}/resources/scheduler/~/JobCollections/jc1"
JOBS = f"{JC_PASSED}/jobs"
NO_HEADERS: Mapping[str, str] = {}
VERSION = {"x-ms-version": "2014-10-01"}
CLOUD_SERVICE = (
    '<CloudService xmlns="http://schemas.microsoft.com/windowsazure"><Label>label</Label>'
    "<Description>description</Description><GeoRegion>West Europe</GeoRegion></CloudService>"
)
JOB: dict[str, Json] = {
    "action": {"type": "http", "request": {"uri": "http://e.org/", "method": "GET"}}
}


def job_collection(plan: str = "Standard", quota: str = "", label: str = "") -> str:
    return (
        '<Resource xmlns="http://schemas.microsoft.com/windowsazure"><IntrinsicSettings>'
        f"<Plan>{plan}</Plan>{quota}</IntrinsicSettings>{label}</Resource>"
    )


@dataclass(frozen=True)
class Reply:
    """What the service answered; names of headers are in lower case, all of them in `pairs`."""

    status: int
    pairs: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def request_id(self) -> str:
        return self.headers["x-ms-request-id"]

    def json(self) -> Any:
        return json.loads(self.body)

    def text(self) -> str:
        return self.body.decode()


class EngineBell:
    """Stands where the engine is told of occurrences; `broken` makes it fail, each ring lets one of `meanwhile` be."""

    def __init__(self) -> None:
        self.rings = 0
        self.occurrence: datetime | None = None
        self.broken = False
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []

    async def ring(self, occurrence: datetime) -> None:
        self.rings += 1
        self.occurrence = occurrence
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        if self.broken:
            raise RuntimeError("the engine is broken")


@dataclass
class Stack:
    """Service, operations and what is under them; the engine works when a test says so, ahead as on a timer."""

    app: SchedulerService
    operations: ServiceOperations
    bell: EngineBell
    engine: EngineStack
    job_changes: JobChanges
    follow_up: FollowUp
    store: SchedulerStore
    database: Database
    broker: EmbeddedBroker
    clock: FakeClock
    certificate: bytes
    authentication: Authentication
    certificates: ManagementCertificates
    issuer: LocalIssuer
    sealer: Sealer

    @property
    def token(self) -> str:
        """A bearer token that opens the subscription for an hour."""
        lifetime = timedelta(hours=1)
        return self.issuer.issue(SUBSCRIPTION, lifetime=lifetime, now=self.clock.now())

    async def call(
        self,
        method: str,
        target: str,
        body: str | bytes | Mapping[str, Json] = b"",
        headers: Mapping[str, str] = VERSION,
        **scope: Any,
    ) -> Reply:
        """Call as a server does; `scope` replaces members of the scope."""
        if isinstance(body, Mapping):
            body = json.dumps(body)
        content = body.encode() if isinstance(body, str) else body
        return await exchange(self.app, {**self.scope(method, target, headers), **scope}, content)

    async def call_arm(
        self,
        method: str,
        target: str,
        body: str | bytes | Mapping[str, Json] = b"",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Reply:
        """Call as clients of Azure Resource Manager do: with a token, and no certificate."""
        authorized = {"Authorization": f"Bearer {self.token}", **headers}
        return await self.call(method, target, body, authorized, extensions={})

    def scope(self, method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
        path, _, query = target.partition("?")
        return {
            "type": "http",
            "method": method,
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "extensions": {"tls": {"client_cert_der": self.certificate}},
        }

    async def work(self) -> int:
        """Carry out everything that the queue holds; returns how many wake-ups there were."""
        receiver = self.broker.receiver(SERVICE_OPERATIONS)
        done = 0
        while messages := await receiver.receive(max_messages=1, max_wait=timedelta(0)):
            for message in messages:
                await self.operations.run(WakeUp.decode(message.message.body))
                await receiver.complete(message)
                done += 1
        return done

    async def status(self, reply: Reply) -> str:
        answer = await self.call("GET", f"{ROOT}/operations/{reply.request_id}")
        return answer.text().partition("<Status>")[2].partition("<")[0]

    async def prepare(self, plan: str = "Standard", quota: str = "") -> None:
        """Make the cloud service and the collection."""
        assert (await self.call("PUT", CS, CLOUD_SERVICE)).status == 202
        assert (await self.call("PUT", JC, job_collection(plan, quota))).status == 202
        await self.work()

    def repeatable(self, request_id: str) -> dict[str, str]:
        now = format_datetime(self.clock.now(), usegmt=True)
        return {
            **VERSION,
            "Repeatability-Request-ID": request_id,
            "Repeatability-First-Sent": now,
        }


def build_authentication(
    certificates: ManagementCertificates,
    issuer: LocalIssuer,
    clock: Clock,
    *,
    is_behind_app_service: bool = False,
) -> Authentication:
    """Return what takes the certificates, and the tokens of one issuer."""
    trusted = TrustedIssuer(
        name=ISSUER,
        audience=AUDIENCE,
        grants_claims=(SUBSCRIPTIONS_CLAIM,),
        keys=FileKeySet(issuer.key_file, public_key_set),
    )
    return Authentication(
        certificates,
        Tokens([trusted], clock),
        identity_clock=clock,
        is_behind_app_service=is_behind_app_service,
        authorization_uri=ISSUER,
    )


async def exchange(app: SchedulerService, scope: dict[str, Any], content: bytes) -> Reply:
    incoming = [{"type": "http.request", "body": content, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Reply(start["status"], pairs, b"".join(one["body"] for one in rest))


@asynccontextmanager
async def open_stack(
    folder: Path,
    clock: FakeClock,
    *,
    ids: int = 1,
    database: Database | None = None,
    broker: EmbeddedBroker | None = None,
) -> AsyncIterator[Stack]:
    """Open the stack on `folder`, which may have been used before; `ids` sets where new ids begin.

    Its database is there too, with the broker in it, unless others are given.
    """
    database = database or InlineDatabase(migrated(folder))
    files = create_development_certificates(folder / "tls", now=clock.now())
    numbers = count(ids)
    (certificate,) = load_certificates((files.client_cer,))
    certificates = ManagementCertificates(database, SqlCertificates(), identity_clock=clock)
    await certificates.introduce(SUBSCRIPTION, certificate)
    issuer = LocalIssuer(folder)
    authentication = build_authentication(certificates, issuer, clock)
    sealer = Sealer({"k1": b"k" * 32}, current="k1")

    def new_id() -> str:
        return f"{next(numbers):032x}"

    engine = build_stack(database, clock, broker=broker, horizon=TIMER_HORIZON, new_id=new_id)
    engine.collection_id = 1
    store, broker = engine.store, engine.broker
    job_changes = JobChanges(store, engine.planner, engine.outgoing)
    bell = EngineBell()
    follow_up = FollowUp(engine.outgoing, on_planned=bell.ring)
    operations = ServiceOperations(
        database, store, job_changes=job_changes, follow_up=follow_up, clock=clock
    )
    endpoints = Endpoints(
        store,
        job_changes,
        certificates=certificates,
        sealer=sealer,
        new_id=new_id,
        clock=clock,
    )
    app = SchedulerService(
        Answering(database, endpoints, operations, follow_up=follow_up),
        authentication,
        clock=clock,
        new_id=new_id,
    )
    yield Stack(
        app=app,
        operations=operations,
        bell=bell,
        engine=engine,
        job_changes=job_changes,
        follow_up=follow_up,
        store=store,
        database=database,
        broker=broker,
        clock=clock,
        certificate=files.client_cer.read_bytes(),
        authentication=authentication,
        certificates=certificates,
        issuer=issuer,
        sealer=sealer,
    )
    await broker.close()
    await database.close()
