"""The resource provider as the front end tells of it: its properties, whether a name is free, an entitlement."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.errors import Fault, InvalidRequestError
from shared.wire.cloud_service import SUPPORTED_GEO_REGIONS
from shared.wire.model import WireModel, check_characters, read
from shared.wire.times import Instant, format_instant
from shared.wire.xml_elements import parse_xml, write_element, write_root, write_text

RESOURCE_TYPE = "scheduler.JobCollections"
NAMESPACE, TYPE = RESOURCE_TYPE.split(".")
# Recorded in June 2014 and in January 2016; in between the provider grew by regions and by the plan Premium.
GREW_AT = datetime(2015, 10, 1, tzinfo=UTC)
REGIONS_2014, REGIONS_2016 = 10, 18
PLANS_2014 = {"Free": (5, "01:00:00", 1), "Standard": (50, "00:01:00", 100)}
PLANS_2016 = {
    "Free": (5, "01:00:00", 1),
    "Standard": (50, "00:01:00", 100_000),
    "Premium": (50, "00:01:00", 100_000),
}
QUANTITIES = ("Quota:MaxJobCount", "Quota:MinRecurrence", "MaxJobCollections")

Word = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(check_characters)]


class Entitlement(WireModel):
    """A store purchase: who may use a resource type from when."""

    resource_provider_name_space: Word
    type: Word
    registration_date: Instant


def decode_entitlement(content: bytes) -> Entitlement:
    """Raises InvalidRequestError with every fault."""
    root = parse_xml(content, "EntitleResource")
    given = {
        "resourceProviderNameSpace": root.word("ResourceProviderNameSpace"),
        "type": root.word("Type"),
        "registrationDate": root.word("RegistrationDate"),
    }
    return read(Entitlement, {name: word for name, word in given.items() if word is not None})


def encode_entitlement(entitlement: Entitlement) -> bytes:
    return write_root(
        "EntitleResource",
        write_text("ResourceProviderNameSpace", entitlement.resource_provider_name_space),
        write_text("Type", entitlement.type),
        write_text("RegistrationDate", format_instant(entitlement.registration_date)),
    )


def provider_properties(now: datetime) -> Sequence[tuple[str, str]]:
    """Return the properties that the service had at `now`, grouped by key and spaced as recorded."""
    is_grown = now >= GREW_AT
    plans = PLANS_2016 if is_grown else PLANS_2014
    regions = SUPPORTED_GEO_REGIONS[: REGIONS_2016 if is_grown else REGIONS_2014]
    return [
        ("SupportedGeoRegions", ",".join(regions)),
        ("Plans", ", ".join(plans)),
        *(
            (f"PlanDetail:{plan}:{quantity}", str(values[place]))
            for place, quantity in enumerate(QUANTITIES)
            for plan, values in plans.items()
        ),
    ]


def encode_provider_properties(properties: Sequence[tuple[str, str]]) -> bytes:
    return write_root(
        "ResourceProviderProperties",
        *(
            write_element(
                "ResourceProviderProperty", write_text("Key", key), write_text("Value", value)
            )
            for key, value in properties
        ),
    )


def decode_provider_properties(content: bytes) -> list[tuple[str, str]]:
    """Raises InvalidRequestError when it is no such answer."""
    root = parse_xml(content, "ResourceProviderProperties")
    return [
        (one.text("Key") or "", one.text("Value") or "")
        for one in root.children("ResourceProviderProperty")
    ]


def encode_name_availability(*, is_available: bool) -> bytes:
    return write_root(
        "ResourceNameAvailabilityResponse", write_text("IsAvailable", str(is_available).lower())
    )


def decode_name_availability(content: bytes) -> bool:
    """Raises InvalidRequestError when it is no such answer."""
    word = parse_xml(content, "ResourceNameAvailabilityResponse").word("IsAvailable")
    if word is None or word.lower() not in ("true", "false"):
        raise InvalidRequestError([Fault("$.IsAvailable", "must be true or false")])
    return word.lower() == "true"
