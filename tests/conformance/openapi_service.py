"""The Scheduler service for a tool that reads its OpenAPI document: prepared, and called by the tool's cases."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import requests
from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.development_certificates import create_development_certificates
from shared.messaging.entities import SERVICE_OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.tls import load_certificates
from shared.wire.management_certificate import encode_upload
from tests.clocks import FakeClock, settle
from tests.conformance.sending import prove_service
from tests.conformance.xml_conformance import check_xml
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC_PASSED,
    JOBS,
    ROOT,
    SUBSCRIPTION,
    Reply,
    Stack,
    open_stack,
)

AnyCase: TypeAlias = Case[Any]
Call: TypeAlias = Callable[..., Awaitable[Reply]]
BASE_URL = "https://service"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LONGER_THAN_CALLERS_WAIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Upload:
    """The body that uploads a certificate, and what the certificate is known by then."""

    thumbprint: str
    body: bytes


@dataclass
class OpenApiService:
    """What is answered is checked against what the document says of the operation."""

    stack: Stack
    folder: Path
    runner: asyncio.Runner
    numbers: Iterator[int]
    last_request_id: str = ""
    registered: str = ""

    def prepare(self) -> dict[str, str]:
        """Put everything there that an operation may be about; returns the parameters of the path that name it."""
        return self.runner.run(self._prepare())

    def call(self, case: AnyCase) -> int:
        """Send a case and check its answer; returns the status."""
        return self._check(case, self.stack.call)

    def call_while_held(self, case: AnyCase) -> int:
        """Send a change whose steps another process has begun and does not end for as long as callers wait."""
        return self._check(case, self._held)

    def go_on(self) -> None:
        """Have whatever was held carried out."""
        self.runner.run(self._go_on())

    def disable(self) -> None:
        self.runner.run(self.stack.call("POST", f"{JC_PASSED}/disable"))
        self.runner.run(self.stack.work())

    def new_upload(self) -> Upload:
        """Return what uploads a certificate that nobody has seen."""
        folder = self.folder / f"certificate{next(self.numbers)}"
        now = self.stack.clock.now()
        files = create_development_certificates(folder, now=now)
        (certificate,) = load_certificates((files.client_cer,))
        body = encode_upload(
            public_key=certificate.public_key,
            thumbprint=certificate.thumbprint,
            data=files.client_cer.read_bytes(),
        )
        return Upload(certificate.thumbprint, body)

    def _check(self, case: AnyCase, call: Call) -> int:
        sent = requests.Request(**case.as_transport_kwargs(base_url=BASE_URL)).prepare()
        is_arm = case.path.startswith("/subscriptions/")
        authorization = {"Authorization": f"Bearer {self.stack.token}"} if is_arm else {}
        headers = {name: latin(value) for name, value in sent.headers.items()}
        extensions: dict[str, Any] = {"extensions": {}} if is_arm else {}

        async def answered() -> Reply:
            body = sent.body or b""
            return await call(
                sent.method, sent.path_url, body, {**headers, **authorization}, **extensions
            )

        reply = self.runner.run(answered())
        self.last_request_id = reply.request_id
        response = Response(
            status_code=reply.status,
            headers={name: [value] for name, value in reply.pairs},
            content=reply.body,
            request=sent,
            elapsed=0.0,
            verify=True,
        )
        case.validate_response(response, checks=CHECKS)
        self._check_xml(case, reply)
        return reply.status

    def _check_xml(self, case: AnyCase, reply: Reply) -> None:
        kind = reply.headers.get("content-type", "").partition(";")[0]
        if kind == "application/xml" and reply.body:
            forms = case.operation.definition.raw["responses"][str(reply.status)]["content"]
            schemas = case.operation.schema.raw_schema["components"]["schemas"]
            check_xml(reply.body, forms[kind]["schema"], schemas)

    async def _held(self, *request: Any, **scope: Any) -> Reply:
        async def take_lease() -> None:
            (message,) = await self.stack.broker.peek(SERVICE_OPERATIONS, max_messages=2)
            wake_up, now = WakeUp.decode(message.message.body), self.stack.clock.now()
            work = self.stack.store.work
            await self.stack.database.run(lambda tx: work.start(tx, wake_up, now=now))

        self.stack.bell.meanwhile = [take_lease]
        answer = asyncio.ensure_future(self.stack.call(*request, **scope))
        await settle()
        await self.stack.clock.advance(LONGER_THAN_CALLERS_WAIT)
        return await answer

    async def _go_on(self) -> None:
        now = self.stack.clock.now()
        await self.stack.operations.free_leases(now)
        await self.stack.operations.sweep(now)
        await self.stack.work()

    async def _prepare(self) -> dict[str, str]:
        await prove_service(self.stack)
        await self.stack.call("POST", f"{JOBS}/job1/run")
        await self.stack.engine.work()
        assert (await self.stack.call("GET", f"{JOBS}/job1/history")).json()
        made = await self.stack.call("PUT", CS, CLOUD_SERVICE)
        await self.stack.work()
        return {
            "subscription": SUBSCRIPTION,
            "cloudService": "cs1",
            "jobCollection": "jc1",
            "job": "job1",
            "operation": made.request_id,
            "operationResult": made.request_id,
            "provider": "scheduler",
            "thumbprint": await self._uploaded(),
        }

    async def _uploaded(self) -> str:
        """Return the thumbprint of a certificate that nobody calls with, and that is registered."""
        target = f"{ROOT}/certificates"
        listed = await self.stack.call("GET", target)
        if not self.registered or self.registered not in listed.text():
            upload = self.new_upload()
            reply = await self.stack.call("POST", target, upload.body)
            assert reply.status == 201, reply.text()
            self.registered = upload.thumbprint
        return self.registered


def latin(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


async def open_service(folder: Path, exits: AsyncExitStack) -> Stack:
    return await exits.enter_async_context(open_stack(folder, FakeClock()))
