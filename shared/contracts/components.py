"""Every schema of the connector's contracts by its name: requests, answers, events."""

from functools import cache

from shared.contracts.answers import ALWAYS_THERE, ANSWERS
from shared.contracts.envelope import envelope
from shared.contracts.event_schemas import event_data_schemas
from shared.contracts.schemas import Schemas, as_list, as_object, told_schemas
from shared.events.event_subscription_requests import (
    EventSubscriptionRequest,
    RedriveRequest,
    RotationRequest,
)
from shared.events.filters import DATA_PATH, TYPE_FILTERS
from shared.events.sink import SinkType
from shared.events.sink_settings import REQUESTS
from shared.wire.cloud_service import CloudService, CloudServiceAnswer
from shared.wire.jobs_state import JobsState
from shared.wire.json_types import JsonObject
from shared.wire.model import WireModel
from shared.wire.openapi.json_schemas import (
    patch_of,
    ref,
    refined,
    request_schemas,
    schemas_of,
    tidied,
    whole,
    without_secrets,
)
from shared.wire.openapi.resource_schemas import ARM_PROVIDER
from shared.wire.operation import Operation
from shared.wire.provider import Entitlement

ASKED: tuple[type[WireModel], ...] = (
    CloudService,
    JobsState,
    Entitlement,
    EventSubscriptionRequest,
    RotationRequest,
    RedriveRequest,
)
SECRET_ONCE: JsonObject = {
    "type": "string",
    "description": "Only in the answer to the request that made it.",
}
HTTP_URL: JsonObject = {"format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^@]+$"}
# What validators check, for readers and for tools that make up requests.
REFINED: dict[tuple[str, str], JsonObject] = {
    ("WebhookRequest", "url"): HTTP_URL,
    ("DataFilterRequest", "path"): whole(DATA_PATH),
    ("FilterRequest", "types"): {"items": {"type": "string", "enum": [*TYPE_FILTERS]}},
}
NAME_AVAILABILITY: JsonObject = {
    "type": "object",
    "properties": {"isAvailable": {"type": "boolean"}},
    "required": ["isAvailable"],
    "additionalProperties": False,
}
PROVIDER_PROPERTIES: JsonObject = {"type": "object", "additionalProperties": {"type": "string"}}


@cache
def http_schemas() -> Schemas:
    """Return what goes over HTTP; answers have no member that is not named, so that tests miss none."""
    return {
        **answers(),
        # Where an answer has a part of a request, it is that part.
        **requests(),
        "CloudEvent": envelope({}, {}, is_numbered=True),
        "EventPage": list_of("CloudEvent", next={"type": "integer"}),
        "EventSubscriptionList": list_of("ShownEventSubscription"),
        "DeadLetterList": list_of("DeadLetter"),
    }


@cache
def message_schemas() -> Schemas:
    """Return what goes through queues and to event sinks."""
    return {**requests(), **event_data_schemas()}


def list_of(name: str, **more: JsonObject) -> JsonObject:
    """Return the schema of a list of the connector's own, with what stands beside it."""
    return {
        "type": "object",
        "properties": {"value": {"type": "array", "items": ref(name)}, **more},
        "required": ["value", *more],
        "additionalProperties": False,
    }


def requests() -> Schemas:
    found = {name: as_object(schema) for name, schema in request_schemas().items()}
    for model in ASKED:
        for name, schema in schemas_of(model, "validation").items():
            found.setdefault(name, tidied(schema))
    for (name, member), more in REFINED.items():
        found[name] = refined(found[name], member, more)
    found["EventSubscriptionPatch"] = patch_of(found["EventSubscriptionRequest"])
    return found


def answers() -> Schemas:
    found = told_schemas([*ANSWERS, CloudServiceAnswer, Operation])
    for name, members in ALWAYS_THERE.items():
        shown = found[name]
        found[name] = {
            **shown,
            "properties": {**as_object(shown["properties"]), **members},
            "required": [*as_list(shown["required"]), *members],
        }
    found |= shown_sinks()
    found["ArmProvider"] = ARM_PROVIDER
    found["NameAvailability"] = NAME_AVAILABILITY
    found["ProviderProperties"] = PROVIDER_PROPERTIES
    return found


def shown_sinks() -> Schemas:
    """Return a sink as it is shown, by its type: as it was asked for, without its secrets."""
    found: Schemas = {}
    for sink_type, model in REQUESTS.items():
        name = model.__name__.replace("Request", "Sink")
        shown = without_secrets(tidied(schemas_of(model, "validation")[model.__name__]))
        members = as_object(shown["properties"])
        if sink_type is SinkType.WEBHOOK:
            members["secret"] = SECRET_ONCE
        found[name] = {**shown, "properties": members}
    found["ShownSink"] = {"oneOf": [ref(name) for name in found]}
    return found
