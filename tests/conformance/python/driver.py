"""Drives the Python clients of the retired Azure Scheduler, in the environment that has them (`.venv-clients`).

Reads JSON lines from stdin and answers each with one: `{"open": NAME, "client": KIND, ...}` makes a client,
`{"methods": NAME}` lists what it offers, `{"call": NAME, "method": "jobs.get", "arguments": [...]}` calls it. The last
argument may be `{"$named": {...}}`, and `{"$model": CLASS, "members": {...}}` stands for a model of the client.
"""

import asyncio
import inspect
import json
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.mgmt.scheduler import SchedulerManagementClient, models  # type: ignore[import-untyped]
from azure.mgmt.scheduler import aio as asynchronous
from azure.mgmt.scheduler.patch import patch_client  # type: ignore[import-untyped]
from azure.servicemanagement import (  # type: ignore[import-untyped]
    SchedulerManagementService,
    ServiceManagementService,
)
from msrest.serialization import Model  # type: ignore[import-not-found]

GROUPS = ("jobs", "job_collections")
FAR_FUTURE = 2**40


class Credential:
    """What both halves of azure-mgmt-scheduler ask for a token: one waits for it, the other does not."""

    def __init__(self, token: str) -> None:
        self._token = AccessToken(token, FAR_FUTURE)

    def get_token(self, *_scopes: str, **_options: object) -> Any:
        return self._token


class AsynchronousCredential(Credential):
    async def get_token(self, *_scopes: str, **_options: object) -> Any:
        return self._token


def with_session(given: dict[str, Any], kind: Any = SchedulerManagementService) -> Any:
    session = requests.Session()
    session.cert = given["certificate"]
    session.verify = given.get("verify", True)
    return kind(given["subscription"], host=given["host"], request_session=session)


def with_file(given: dict[str, Any]) -> Any:
    return SchedulerManagementService(
        given["subscription"], cert_file=given["certificate"], host=given["host"]
    )


def arm(kind: Callable[..., Any], credential: type[Credential], given: dict[str, Any]) -> Any:
    client = kind(
        credential(given["token"]),
        given["subscription"],
        base_url=given["url"],
        polling_interval=0,
        connection_verify=given["authority"],
    )
    if given["patched"]:
        patch_client(client)
    return client


OPENERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "azure-servicemanagement-legacy": with_session,
    "azure-servicemanagement-legacy cert_file": with_file,
    "azure-servicemanagement-legacy management": lambda given: with_session(
        given, ServiceManagementService
    ),
    "azure-mgmt-scheduler": lambda given: arm(SchedulerManagementClient, Credential, given),
    "azure-mgmt-scheduler.aio": lambda given: arm(
        asynchronous.SchedulerManagementClient, AsynchronousCredential, given
    ),
}
clients: dict[str, Any] = {}


def methods_of(client: object) -> list[str]:
    owners = {"": client} | {f"{group}.": getattr(client, group, None) for group in GROUPS}
    return [
        prefix + name
        for prefix, owner in owners.items()
        for name, member in inspect.getmembers(owner, inspect.ismethod)
        if not name.startswith("_") and not hasattr(object, name)
    ]


def read(value: Any) -> Any:
    if isinstance(value, dict) and "$model" in value:
        return getattr(models, value["$model"]).from_dict(value["members"])
    return value


async def call(request: dict[str, Any]) -> Any:
    owner = clients[request["call"]]
    *path, name = request["method"].split(".")
    for part in path:
        owner = getattr(owner, part)
    given = request["arguments"]
    named = given.pop()["$named"] if given and "$named" in str(given[-1]) else {}
    called = getattr(owner, name)(
        *map(read, given), **{key: read(value) for key, value in named.items()}
    )
    return await settled(called)


async def settled(result: Any) -> Any:
    """Wait for what is waited for, poll what is polled, and go through every page."""
    if isinstance(result, Awaitable):
        return await settled(await result)
    if hasattr(result, "polling_method"):
        return await settled(result.result())
    if isinstance(result, AsyncIterable):
        return [shown(each) async for each in result]
    return shown(result)


def shown(value: Any) -> Any:
    """Return a result of a client in JSON, models as the client would send them, all else by its attributes."""
    if isinstance(value, Model):
        return value.serialize(keep_readonly=True)
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | dict):
        return value
    if isinstance(value, Iterable):
        return [shown(each) for each in value]
    return {name: shown(each) for name, each in vars(value).items()}


async def answer(request: dict[str, Any]) -> Any:
    if name := request.get("open"):
        clients[name] = OPENERS[request["client"]](request)
        return None
    if name := request.get("methods"):
        return methods_of(clients[name])
    return await call(request)


async def main() -> None:
    loop = asyncio.get_running_loop()
    # One of the clients prints its progress, and stdout is for answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            reply = {"result": await answer(json.loads(line))}
        except Exception as error:  # whatever a client raises is what the test asks for
            fault = {"type": type(error).__name__, "message": str(error)}
            reply = {"error": fault | {"status": getattr(error, "status_code", None)}}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


asyncio.run(main())
