"""A real `tocsin up` with secrets planted wherever one can be, and everything that it produces."""

import base64
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from shared.cli.demo.child import Child
from shared.cli.demo.expectation import Found, wait_until
from shared.cli.demo.ports import Ports
from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock
from tests.client_certificates import TERRAFORM, name, pfx_of, self_signed
from tests.ports import free_ports
from tests.shared.bearer_tokens.token_cases import KEYS, NAME, token
from tests.target_server import Asked, TargetServer, serving

CLOCK = SystemClock()
PATIENCE = timedelta(seconds=30)
AUDIENCE = "api://tocsin"
CS = "/api/cloudservices/cs"
JC = f"{CS}/jobcollections/jc"
QUEUES = ("commands", "operations", "history", "deliveries", "executions", "rejected")
# What the operator keeps secrets in; nothing else may have any.
KEPT_BY_THE_OPERATOR = ("data-key.json", "host-keys.json", "certificates", "issuer", "tls")


def planted(what: str) -> str:
    """Return a secret with letters that every format writes in its own way."""
    return f'plànted "{what}" +/&=? {base64.b32encode(os.urandom(10)).decode()}'


def base64_secret() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@dataclass
class Secrets:
    """What was planted, by where it was."""

    webhook: str = field(default_factory=base64_secret)
    dead_webhook: str = field(default_factory=base64_secret)
    sas_key: str = field(default_factory=base64_secret)
    connection_key: str = field(default_factory=base64_secret)
    settings_key: str = field(default_factory=base64_secret)
    certificate: str = ""
    bearer: str = ""
    host_key: str = ""
    data_key: str = ""
    password: str = field(default_factory=lambda: planted("password"))
    error_password: str = field(default_factory=lambda: planted("password of an error action"))
    queued_password: str = field(default_factory=lambda: planted("password in a message"))
    failing_password: str = field(default_factory=lambda: planted("password of what fails"))
    sent: str = field(default_factory=lambda: planted("password in a message that is no command"))
    misplaced: str = field(default_factory=lambda: planted("password in a wrong place"))
    pfx_password: str = field(default_factory=lambda: planted("password of a pfx"))
    oauth: str = field(default_factory=lambda: planted("secret of an application"))
    access_token: str = field(
        default_factory=lambda: f"at-{base64.b32encode(os.urandom(20)).decode()}"
    )
    sas_signature: str = field(default_factory=base64_secret)
    wrong_key: str = field(
        default_factory=lambda: base64.urlsafe_b64encode(os.urandom(20)).decode()
    )

    def named(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


@dataclass
class Target:
    """Whom jobs call: tells back all that it is sent, and hands out access tokens; also receives webhooks."""

    secrets: Secrets
    received: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> bytes:
        path = asked.line.split(" ")[1]
        if path.startswith("/hook"):
            self.received.append(asked)
            return response(500 if "dead" in path else 200, b"")
        if path.startswith("/tenant/"):
            document = {"access_token": self.secrets.access_token, "token_type": "Bearer"}
            return response(200, json.dumps({**document, "expires_in": "600"}).encode())
        # Of what it is sent nothing may come back: neither as it came nor taken apart.
        return response(500 if "fail" in path else 200, asked.head + asked.body)


def response(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


class Recorder:
    """Calls the stack and keeps every byte of its answers."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self.headers: Mapping[str, str] = {}
        self.answers: list[bytes] = []

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self._session.request(
            method, f"{self._url}{path}", data=content, headers=headers or self.headers
        ) as answer:
            found = await answer.read()
            lines = b"\n".join(name + b": " + value for name, value in answer.raw_headers)
            self.answers.append(lines + b"\n" + found)
        try:
            return answer.status, json.loads(found)
        except ValueError:
            return answer.status, None

    async def accept(self, method: str, path: str, body: object = None) -> str:
        status, operation = await self.call(method, path, body)
        assert status == 202, operation
        return str(operation["id"])


@dataclass
class Stack:
    """The process and everything around it."""

    folder: Path
    ports: Ports
    child: Child
    target: TargetServer
    secrets: Secrets
    environment: Mapping[str, str]

    async def start(self, recorder: Recorder) -> None:
        await self.child.start(self.environment)

        async def look() -> bool | Found:
            if self.child.exit_code is not None:
                pytest.fail(self.child.log_tail())
            try:
                status, _ = await recorder.call("GET", "/api/health")
            except aiohttp.ClientError as error:
                return Found(str(error))
            return status == 200 or Found(str(status))

        await wait_until("the stack to answer", look, within=PATIENCE, clock=CLOCK)

    def read_keys(self) -> Mapping[str, str]:
        """Take what the stack made for itself among the secrets; returns the headers of a caller."""
        folder = StackFolder(self.folder / "stack")
        self.secrets.host_key = folder.host_key()
        keys = json.loads(folder.data_key_file.read_bytes())
        self.secrets.data_key = next(iter(keys["keys"].values()))
        return {
            "x-functions-key": self.secrets.host_key,
            "authorization": f"Bearer {self.secrets.bearer}",
        }

    def files(self) -> dict[str, bytes]:
        """Everything that the process wrote but for what the operator keeps secrets in."""
        root = self.folder / "stack"
        written = {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and path.relative_to(root).parts[0] not in KEPT_BY_THE_OPERATOR
        }
        return {**written, "the log": self.child.log.read_bytes()}


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[tuple[Stack, Recorder, Target]]:
    secrets = Secrets()
    expiry = int(CLOCK.now().timestamp()) + 600
    secrets.bearer = token(
        aud=AUDIENCE, exp=expiry, nbf=None, roles=["Tocsin.Write"], oid="auditor"
    )
    (folder / "keys.json").write_text(json.dumps({"keys": KEYS}))
    target = Target(secrets)
    ports = free_ports()
    async with serving(target.answer) as server, aiohttp.ClientSession() as session:
        child = Child(
            [
                *("up", "--data-dir", str(folder / "stack"), "--port", str(ports.host)),
                *("--scheduler-port", str(ports.scheduler)),
            ],
            log=folder / "stack.log",
        )
        environment = {
            "TOCSIN_ALLOWED_NETWORKS": "127.0.0.0/8",
            "TOCSIN_RUN_NOW_DELAY": "0",
            "TOCSIN_CONNECTOR_TOKEN_ISSUER": NAME,
            "TOCSIN_CONNECTOR_TOKEN_AUDIENCE": AUDIENCE,
            "TOCSIN_CONNECTOR_TOKEN_KEY_SET": str(folder / "keys.json"),
            "TOCSIN_OAUTH_AUTHORITY": server.url.rstrip("/"),
            "TOCSIN_STORAGE_QUEUE_ENDPOINT": f"{server.url}fail/{{account}}",
            "TOCSIN_SERVICE_BUS_ENDPOINT": f"amqp://127.0.0.1:{ports.broker}",
            "ServiceBusConnection": connection_string(secrets.settings_key),
        }
        stack = Stack(folder, ports, child, server, secrets, environment)
        try:
            yield stack, Recorder(f"http://127.0.0.1:{ports.host}", session), target
        finally:
            await child.stop()
            child.kill_now()


def connection_string(key: str) -> str:
    return f"Endpoint=sb://tocsin-test.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey={key}"


def basic(password: object) -> dict[str, object]:
    return {"type": "Basic", "username": "user", "password": password}


def http_job(url: str, authentication: object, **action: object) -> dict[str, object]:
    request = {"method": "POST", "uri": url, "body": "hello", "authentication": authentication}
    return {
        "action": {
            "type": "http",
            "request": request,
            "retryPolicy": {"retryType": "none"},
            **action,
        }
    }


def jobs(stack: Stack) -> dict[str, dict[str, object]]:
    """Return a job for each kind of credential."""
    secrets, url = stack.secrets, stack.target.url
    secrets.certificate = pfx_of(self_signed(name(*TERRAFORM)), secrets.pfx_password)
    oauth = {
        "type": "ActiveDirectoryOAuth",
        "tenant": "tenant",
        "audience": "a",
        "clientId": "c",
        "secret": secrets.oauth,
    }
    sas = f"sv=2020-08-04&sp=a&sig={quote(secrets.sas_signature, safe='')}"
    queue = {"storageAccount": "acc", "queueName": "queue", "sasToken": sas, "message": "m"}
    key = {"type": "sharedAccessKey", "sasKeyName": "n", "sasKey": secrets.sas_key}
    bus = {"queueName": "q", "namespace": "ns", "authentication": key, "message": "m"}
    certificate = {
        "type": "ClientCertificate",
        "pfx": secrets.certificate,
        "password": secrets.pfx_password,
    }
    after = {
        "type": "http",
        "request": {
            "method": "POST",
            "uri": f"{url}fail",
            "authentication": basic(secrets.error_password),
        },
    }
    no_retry = {"retryPolicy": {"retryType": "none"}}
    return {
        "basic": http_job(f"{url}echo", basic(secrets.password)),
        "failing": http_job(f"{url}fail", basic(secrets.failing_password), errorAction=after),
        "certificate": http_job(f"https://127.0.0.1:{stack.ports.broker}/", certificate),
        "oauth": http_job(f"{url}fail", oauth),
        "storage": {"action": {"type": "storageQueue", "queueMessage": queue, **no_retry}},
        "bus": {"action": {"type": "serviceBusQueue", "serviceBusQueueMessage": bus, **no_retry}},
    }
