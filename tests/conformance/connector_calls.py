"""Calls of the connector by its OpenAPI document: each answer is held against what the document says of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import requests
import schemathesis
from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.contracts.openapi import openapi_document
from tests.conformance.connector_process import ConnectorProcess, running_connector

AnyCase: TypeAlias = Case[Any]
DOCUMENT: dict[str, Any] = openapi_document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: dict[str, Any] = {
    operation.definition.raw["operationId"]: operation
    for operation in (SCHEMA[path][method] for path in SCHEMA for method in SCHEMA[path])
}
DOCUMENTED = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SECONDS = 30


@dataclass
class ConnectorCalls:
    """Calls a connector, and notes which (operation, success) were reached."""

    process: ConnectorProcess
    session: requests.Session
    reached: set[tuple[str, int]] = field(default_factory=set)

    def send(self, case: AnyCase) -> Response:
        """Send a case with a key, check its answer against the document, and return it."""
        answer = case.call(
            base_url=self.process.url,
            session=self.session,
            headers={"x-functions-key": self.process.key},
            timeout=SECONDS,
        )
        case.validate_response(answer, checks=[not_a_server_error, *DOCUMENTED])
        if answer.status_code < 400:
            self.reached.add((case.operation.definition.raw["operationId"], answer.status_code))
        return answer

    def call(
        self,
        name: str,
        names: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Response:
        """Send the request that the document gives as an example, about what `names` name."""
        operation = OPERATIONS[name]
        content = operation.definition.raw.get("requestBody", {}).get("content", {})
        more: dict[str, Any] = {}
        for media_type, form in content.items():
            more = {"media_type": media_type, "body": form["example"] if body is None else body}
        case: AnyCase = operation.Case(
            path_parameters={**names_of(operation), **(names or {})},
            query=dict(query or {}),
            headers=dict(headers or {}),
            **more,
        )
        return self.send(case)


def names_of(operation: Any) -> dict[str, str]:
    """Return the example of each name in the operation's path."""
    return {
        one["name"]: one["example"]
        for one in operation.definition.raw["parameters"]
        if one["in"] == "path"
    }


@contextmanager
def connector_calls(folder: Path) -> Iterator[ConnectorCalls]:
    with running_connector(folder) as process, requests.Session() as session:
        yield ConnectorCalls(process, session)
