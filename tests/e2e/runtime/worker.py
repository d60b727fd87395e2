"""Runs function apps with Microsoft's own worker library, in the environment that has it (`.venv-runtime`).

Reads JSON lines from stdin and answers each with one: `{"load": folder, "script": name}` says whether the library takes
the app, and which functions it found; `{"invoke": function, ...}` calls one of them as the Functions host would. The
host's side of the protocol are plain objects: the library takes whatever module has its messages' names.
"""

import asyncio
import json
import os
import sys
import uuid
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime  # type: ignore[import-not-found] # lives in .venv-runtime only


class Record(SimpleNamespace):
    """A message of the protocol; `one` is the member of a union that is set."""

    def WhichOneof(self, _union: str) -> str:  # noqa: N802 - protobuf's own name
        return str(self.one)


class Protocol:
    """Answers every name with a class of records, but for the enums, whose numbers the library compares."""

    class StatusResult(Record):
        Failure = 0
        Success = 1

    class BindingInfo(Record):
        undefined = 0
        out = 1
        inout = 2

    def __getattr__(self, _name: str) -> type[Record]:
        return Record


PROTOCOL = Protocol()


def typed(kind: str, value: object) -> Record:
    return Record(one=kind, **{kind: value})


def request(name: str, **fields: object) -> Record:
    message = Record(**{name: Record(**fields)})
    return Record(request=message, properties={"host": "127.0.0.1", "protos": PROTOCOL})


async def load(folder: str, script: str) -> dict[str, Any]:
    os.environ["PYTHON_SCRIPT_FILE_NAME"] = script  # noqa: TID251 - how the Functions host says it
    os.chdir(folder)
    if folder not in sys.path:
        sys.path.append(folder)
    init = request("worker_init_request", capabilities={}, function_app_directory=folder)
    response = await runtime.worker_init_request(init)
    if response.result.status == PROTOCOL.StatusResult.Failure:
        return {"fault": response.result.exception.message}
    metadata = await runtime.functions_metadata_request(request("functions_metadata_request"))
    return {"functions": [found.name for found in metadata.function_metadata_results]}


def http_input(ask: dict[str, Any]) -> tuple[Record, dict[str, Record]]:
    http = Record(
        method=ask["method"],
        url=ask["url"],
        headers=ask.get("headers", {}),
        params=ask.get("route", {}),
        query=ask.get("query", {}),
        body=typed("bytes", ask.get("body", "").encode()),
    )
    return typed("http", http), {}


def queue_input(ask: dict[str, Any]) -> tuple[Record, dict[str, Record]]:
    metadata = {name: typed("json", json.dumps(value)) for name, value in ask["metadata"].items()}
    return typed("bytes", ask["body"].encode()), metadata


def timer_input(_ask: dict[str, Any]) -> tuple[Record, dict[str, Record]]:
    return typed("json", json.dumps({"IsPastDue": False})), {}


INPUTS = {"http": http_input, "queue": queue_input, "timer": timer_input}


async def invoke(ask: dict[str, Any]) -> dict[str, Any]:
    data, metadata = INPUTS[ask["kind"]](ask)
    response = await runtime.invocation_request(
        request(
            "invocation_request",
            invocation_id=str(uuid.uuid4()),
            function_id=str(uuid.uuid5(uuid.NAMESPACE_OID, ask["invoke"])),
            input_data=[Record(one="data", name=ask["argument"], data=data)],
            trigger_metadata=metadata,
            trace_context=Record(trace_parent="", trace_state="", attributes={}),
            retry_context=Record(retry_count=0, max_retry_count=0, exception=None),
        )
    )
    if response.result.status == PROTOCOL.StatusResult.Failure:
        return {"fault": response.result.exception.message}
    return {"result": rendered(response.return_value), "outputs": outputs(response)}


def rendered(value: Record | None) -> Any:
    if value is None:
        return None
    if hasattr(value, "http"):
        answer = value.http
        body = answer.body.bytes.decode()
        return {"status": int(answer.status_code), "headers": answer.headers, "body": body}
    text: str | bytes = vars(value).get("bytes") or vars(value).get("string") or ""
    return text.decode() if isinstance(text, bytes) else text


def outputs(response: Record) -> dict[str, Any]:
    return {each.name: rendered(each.data) for each in response.output_data}


async def main() -> None:
    # Whatever the apps print must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    runtime.start_threadpool_executor()
    for line in sys.stdin:
        ask = json.loads(line)
        answer = await (load(ask["load"], ask["script"]) if "load" in ask else invoke(ask))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    runtime.stop_threadpool_executor()


asyncio.run(main())
