"""The service against its own OpenAPI document, by schemathesis: what is answered is what the document says."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count, cycle
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from shared.wire.openapi.document import openapi_document
from tests.conformance.openapi_service import AnyCase, OpenApiService, open_service
from tests.shared.scheduler.scheduler_stack import SUBSCRIPTION, VERSION

DOCUMENT = openapi_document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: list[Any] = [SCHEMA[path][method] for path in SCHEMA for method in SCHEMA[path]]
(RESULT,) = [one for one in OPERATIONS if "operationresults" in one.path]
# A name that is new wherever a request may make something of that name.
NEW = {"job": "job-new", "jobCollection": "jc-new", "cloudService": "cs-new"}
by_chance = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenApiService]:
    folder = tmp_path_factory.mktemp("service")
    exits = AsyncExitStack()
    with asyncio.Runner() as runner:
        stack = runner.run(open_service(folder, exits))
        yield OpenApiService(stack, folder, runner, count(1))
        runner.run(exits.aclose())


def label(operation: Any) -> str:
    return str(operation.label)


def successes(operation: Any) -> set[int]:
    return {int(status) for status in operation.definition.raw["responses"] if status < "400"}


def goes_on(operation: Any) -> bool:
    """Whether its caller waits, and is answered 202 only when that takes too long."""
    return successes(operation) > {202}


def at_once(operation: Any) -> set[int]:
    """Return the documented successes of what nobody holds up."""
    return successes(operation) - {202} if goes_on(operation) else successes(operation)


def example(service: OpenApiService, operation: Any, names: dict[str, str]) -> AnyCase:
    """Return the request that the document gives as an example, about what `names` name.

    A certificate is no example: it has to be valid now, and new.
    """
    definition = operation.definition.raw
    members: dict[str, dict[str, Any]] = {"header": {}, "query": {}}
    for parameter in definition["parameters"]:
        if parameter["in"] != "path" and parameter["required"]:
            words = parameter["schema"].get("enum", [None])
            members[parameter["in"]][parameter["name"]] = parameter.get("example", words[0])
    more: dict[str, Any] = {}
    for media_type, content in definition.get("requestBody", {}).get("content", {}).items():
        body = content.get("example") or service.new_upload().body
        more = {"media_type": media_type, "body": body.encode() if isinstance(body, str) else body}
    case: AnyCase = operation.Case(
        path_parameters=named(operation, names),
        headers=members["header"],
        query=members["query"],
        **more,
    )
    return case


def named(operation: Any, names: dict[str, str]) -> dict[str, str]:
    """Return those of the names that the operation's path has."""
    return {name: value for name, value in names.items() if f"{{{name}}}" in operation.path}


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
def test_each_success_is_reached_with_the_document_s_example(
    service: OpenApiService, operation: Any
) -> None:
    names = service.prepare()
    seen = {service.call(example(service, operation, names))}
    for name, new in named(operation, NEW).items():
        if not at_once(operation) <= seen:
            names = service.prepare()
            seen.add(service.call(example(service, operation, {**names, name: new})))
    assert at_once(operation) <= seen


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if goes_on(one) and one is not RESULT], ids=label
)
def test_what_takes_longer_than_callers_wait_is_answered_202(
    service: OpenApiService, operation: Any
) -> None:
    names = service.prepare()
    if operation.path.endswith("/enable"):
        service.disable()
    case = example(service, operation, names)
    if operation.method in ("put", "patch") and "jobs" not in operation.path:
        # Only another state has to be brought to the jobs, in steps.
        case.body = {"location": "West Europe", "properties": {"state": "Disabled"}}

    status = service.call_while_held(case)

    assert status == 202
    if "/subscriptions/" in operation.path:
        watched = example(service, RESULT, {**names, "operationResult": service.last_request_id})
        assert service.call(watched) == 202
        service.go_on()
        assert service.call(watched) == 200
    service.go_on()


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda one: one.value)
def test_whatever_is_sent_the_answer_is_a_documented_one(
    service: OpenApiService, operation: Any, mode: GenerationMode
) -> None:
    names = service.prepare()
    if mode is GenerationMode.NEGATIVE:
        names = {"subscription": SUBSCRIPTION}
    turns: Iterator[dict[str, str]] = cycle((dict(VERSION), {}))

    @by_chance
    @given(operation.as_strategy(mode, path_parameters=named(operation, names)))
    def send(case: AnyCase) -> None:
        # Every other one comes past the door, whose version is a date by chance.
        case.headers.update(next(turns))
        service.call(case)

    send()
