"""A job collection as a resource of ARM, in and out (contract section B.2)."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.wire.arm_ids import COLLECTION_TYPE, collection_id
from shared.wire.job_collection import (
    CollectionDefinition,
    JobCollectionState,
    Plan,
    PlanWord,
    Quota,
    TagName,
    TagValue,
)
from shared.wire.json_types import JsonObject
from shared.wire.model import Ignored, WireModel
from shared.wire.words import word_reader


class CollectionState(StrEnum):
    """What ARM calls the states of a collection; a suspended one is paused on the classic surface."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SUSPENDED = "Suspended"


STATES = {
    CollectionState.ENABLED: JobCollectionState.STARTED,
    CollectionState.DISABLED: JobCollectionState.STOPPED,
    CollectionState.SUSPENDED: JobCollectionState.PAUSED,
}
WORDS = {state: word for word, state in STATES.items()}


class Sku(WireModel):
    name: PlanWord


class CollectionProperties(WireModel):
    """Without a sku a collection is Standard, without a state enabled."""

    sku: Sku = Sku(name=Plan.STANDARD)
    state: Annotated[CollectionState, BeforeValidator(word_reader(CollectionState))] = (
        CollectionState.ENABLED
    )
    quota: Quota | None = None


class CollectionResource(WireModel):
    """What a caller says of a collection; what the URI says is not read again."""

    id: Ignored = None
    type: Ignored = None
    name: Ignored = None
    location: str | None = None
    tags: Annotated[dict[TagName, TagValue], Field(max_length=15)] | None = None
    properties: CollectionProperties = CollectionProperties()

    def definition(self, location: str) -> CollectionDefinition:
        """Return what is stored of it; `location` in its display form."""
        return CollectionDefinition(
            plan=self.properties.sku.name,
            quota=self.properties.quota,
            location=location,
            tags=self.tags,
        )


def collection_answer(
    container: str,
    name: str,
    definition: CollectionDefinition,
    *,
    location: str,
    state: JobCollectionState,
) -> JsonObject:
    """Return the resource in the order of the recorded ones; quota and tags only when they were given."""
    properties: JsonObject = {
        "sku": {"name": definition.plan.value},
        "state": WORDS.get(state, CollectionState.ENABLED).value,
    }
    if definition.quota is not None:
        properties["quota"] = definition.quota.document()
    answer: JsonObject = {
        "id": collection_id(container, name),
        "type": COLLECTION_TYPE,
        "name": name,
        "location": location,
    }
    if definition.tags is not None:
        answer["tags"] = dict(definition.tags)
    answer["properties"] = properties
    return answer


def patchable(answer: JsonObject) -> JsonObject:
    """Return what a PATCH of the resource merges into."""
    return {name: answer[name] for name in ("location", "tags", "properties") if name in answer}
