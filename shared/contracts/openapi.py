"""The OpenAPI 3.1 document of the connector."""

from functools import cache

from shared.contracts.components import http_schemas
from shared.contracts.event_subscription_routes import EVENT_SUBSCRIPTION_ROUTES
from shared.contracts.own_routes import COMMAND_SCHEMA, OWN_ROUTES
from shared.contracts.resource_routes import resource_routes
from shared.contracts.routes import HEADERS, Route
from shared.contracts.schemas import needed
from shared.wire.json_types import JsonObject

TAGS = ("Changes", "Reads", "Operations", "Events", "Event subscriptions", "Service")
VERSION = "1.0"
SCHEMES: JsonObject = {
    "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "functionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
    "bearerToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Of Microsoft Entra ID, where the deployment asks for one, with or without a key.",
    },
}
DESCRIPTION = (
    "Commands to Azure Scheduler over HTTP: a change is accepted as an operation and carried out in its turn; its "
    "outcome is an event. Literals of paths, names of resources and members of bodies are read ignoring case."
)


@cache
def routes() -> tuple[Route, ...]:
    """Return every route of the connector, in the order of the document."""
    return (*resource_routes(), *OWN_ROUTES, *EVENT_SUBSCRIPTION_ROUTES)


def openapi_document() -> JsonObject:
    """Return the document; equal for equal catalogues and models."""
    paths: dict[str, JsonObject] = {}
    for route in routes():
        paths.setdefault(route.path, {})[route.method.lower()] = route.document()
    schemas = {**http_schemas(), "Command": COMMAND_SCHEMA}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin connector", "version": VERSION, "description": DESCRIPTION},
        "servers": [
            {"url": "/api", "description": "Below the host that this document comes from."}
        ],
        "security": [
            {"functionKey": []},
            {"functionKeyInQuery": []},
            {"bearerToken": []},
            {"functionKey": [], "bearerToken": []},
        ],
        "tags": [{"name": name} for name in TAGS],
        "paths": {**paths},
        "components": {
            "schemas": {**needed({**paths}, schemas)},
            "headers": HEADERS,
            "securitySchemes": SCHEMES,
        },
    }
