"""What the host would pass to a function, and what it would send back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import azure.functions as func
from azure.functions.servicebus import ServiceBusMessage

from shared.bootstrap import Application
from shared.connector.listing import OperationFilter
from shared.connector.operations import Operation

BASE = "http://127.0.0.1:7071/api"
JOB = {"action": {"type": "http", "request": {"method": "GET", "uri": "http://example.org/"}}}
JOB_PATH = "/cloudservices/cs1/jobcollections/jc1/jobs/nightly"


def request(
    method: str,
    path: str,
    body: object = b"",
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    route_params: Mapping[str, str] | None = None,
) -> func.HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return func.HttpRequest(
        method=method,
        url=f"{BASE}{path}",
        headers=dict(headers or {}),
        params=dict(params or {}),
        route_params=dict(route_params or {}),
        body=content,
    )


def document_of(response: func.HttpResponse) -> Any:
    return json.loads(response.get_body())


def message(
    body: bytes, *, deliveries: int = 1, properties: Mapping[str, str | int] | None = None
) -> func.ServiceBusMessage:
    return ServiceBusMessage(
        body=body,
        message_id="m1",
        sequence_number=7,
        delivery_count=deliveries,
        application_properties=dict(properties or {}),
        user_properties={},
    )


async def operations_of(app: Application) -> Sequence[Operation]:
    """Return the operations of `app`, the newest first."""
    return (await app.connector.operations(OperationFilter())).operations
