"""The connector against its own OpenAPI document, by schemathesis, on a stack that runs as it does for a user."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from shared.contracts.openapi import routes
from shared.contracts.routes import Route
from tests.conformance.connector_calls import (
    OPERATIONS,
    SECONDS,
    AnyCase,
    ConnectorCalls,
    connector_calls,
    names_of,
)
from tests.conformance.connector_story import tell
from tests.conformance.http_file import FileRequest, HttpFile, filled, read_http_file

HTTP_FILE = Path(__file__).parents[2] / "examples" / "test.http"

by_chance = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# What is there may be read by chance, and is not changed by it.
ELSEWHERE = {"cloudService": "cs2", "jobCollection": "jc2", "job": "job2"}


@pytest.fixture(scope="module")
def connector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectorCalls]:
    with connector_calls(tmp_path_factory.mktemp("connector")) as calls:
        yield calls


def successes() -> set[tuple[str, int]]:
    return {
        (name, int(status))
        for name, operation in OPERATIONS.items()
        for status in operation.definition.raw["responses"]
        if status < "400"
    }


def test_each_success_of_each_route_is_reached(connector: ConnectorCalls) -> None:
    tell(connector)

    assert connector.reached == successes()


def cases() -> Iterator[tuple[str, GenerationMode]]:
    """Yield each operation in each mode; one that takes nothing cannot be called wrongly."""
    for name, operation in OPERATIONS.items():
        yield name, GenerationMode.POSITIVE
        definition = operation.definition.raw
        if definition["parameters"] or "requestBody" in definition:
            yield name, GenerationMode.NEGATIVE


@pytest.mark.parametrize(("name", "mode"), [*cases()])
def test_whatever_is_sent_the_answer_is_a_documented_one(
    connector: ConnectorCalls, name: str, mode: GenerationMode
) -> None:
    operation: Any = OPERATIONS[name]
    names = names_of(operation)
    if operation.method != "get":
        names |= {key: value for key, value in ELSEWHERE.items() if key in names}

    @by_chance
    @given(operation.as_strategy(mode, path_parameters=names))
    def send(case: AnyCase) -> None:
        # Nobody waits for chance.
        case.query.pop("wait", None)
        case.headers.pop("Prefer", None)
        answer = connector.send(case)
        if name == "CreateEventSubscription" and answer.status_code == 201:
            connector.call("DeleteEventSubscription", {"id": answer.json()["id"]})

    send()


def test_the_requests_of_test_http_are_answered_as_it_says(connector: ConnectorCalls) -> None:
    file = read_http_file(HTTP_FILE.read_text())
    host = connector.process.url.removesuffix("/api")
    variables = {**file.variables, "host": host, "key": connector.process.key}
    answers: dict[str, Any] = {}
    found = {}
    for request in file.requests:
        answer = connector.session.request(
            request.method,
            filled(request.url, variables, answers),
            headers={
                name: filled(value, variables, answers) for name, value in request.headers.items()
            },
            data=filled(request.body, variables, answers).encode(),
            timeout=SECONDS,
        )
        found[request.title] = answer.status_code
        if request.name is not None:
            answers[request.name] = answer.json()

    assert {
        request.title: found[request.title]
        for request in file.requests
        if found[request.title] not in request.expected
    } == {}


def test_test_http_has_a_request_for_every_route() -> None:
    file = read_http_file(HTTP_FILE.read_text())
    asked = {
        (one.method, route.path)
        for one in file.requests
        for route in routes()
        if re.fullmatch(route_pattern(route), path_in(one, file))
    }

    assert {(one.method, one.path) for one in routes()} == asked


def route_pattern(route: Route) -> str:
    return "/api" + re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route.path))


def path_in(request: FileRequest, file: HttpFile) -> str:
    """Return the path of a request, something put in for what an answer would hold."""
    url = re.sub(r"\{\{\w+\.response\.[^}]+\}\}", "answered", request.url)
    return urlsplit(filled(url, file.variables, {})).path
