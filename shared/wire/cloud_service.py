"""A cloud service: the container of job collections in one region."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shared.wire.job_collection import JobCollectionAnswer
from shared.wire.model import WireModel, check_characters

SUPPORTED_GEO_REGIONS = (
    "South Central US", "North Central US", "North Europe", "West Europe", "East Asia",
    "Southeast Asia", "West US", "East US", "Japan West", "Japan East", "Brazil South",
    "East US 2", "Central US", "Australia East", "Australia Southeast", "South India",
    "Central India", "West India", "Canada Central", "Canada East", "West US 2", "West Central US",
)  # fmt: skip


def compact(region: str) -> str:
    """Return the form of a region that ARM uses for resource groups: `West US` is `westus`."""
    return region.replace(" ", "").lower()


_BY_COMPACT_NAME = {compact(region): region for region in SUPPORTED_GEO_REGIONS}


def display_region(text: str) -> str | None:
    """Return the display form of a region, given in either form and any case; None when it is none of ours."""
    return _BY_COMPACT_NAME.get(compact(text))


def _read_geo_region(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be a string")
    region = display_region(value)
    if region is None:
        raise PydanticCustomError(
            "geo_region",
            "is '{value}'; supported are {regions}",
            {"value": value[:100], "regions": ", ".join(SUPPORTED_GEO_REGIONS)},
        )
    return region


GeoRegion = Annotated[str, BeforeValidator(_read_geo_region)]


class CloudService(WireModel):
    """What a caller says of a cloud service; the label is plain text, unlike everywhere else in RDFE."""

    label: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(check_characters)]
    description: Annotated[str, Field(max_length=1024), AfterValidator(check_characters)] = ""
    geo_region: GeoRegion
    email: (
        Annotated[str, Field(min_length=1, max_length=320), AfterValidator(check_characters)] | None
    ) = None


class CloudServiceAnswer(WireModel):
    """What the service says of one; only this lists the job collections, there is no call of its own for that."""

    name: str
    label: str = ""
    description: str = ""
    geo_region: str
    resources: tuple[JobCollectionAnswer, ...] = ()
