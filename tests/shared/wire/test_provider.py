from datetime import UTC, datetime

import pytest

from shared.errors import InvalidRequestError
from shared.wire.provider import (
    GREW_AT,
    decode_entitlement,
    decode_name_availability,
    decode_provider_properties,
    encode_entitlement,
    encode_name_availability,
    encode_provider_properties,
    provider_properties,
)

# As recorded in June 2014.
IN_2014 = [
    (
        "SupportedGeoRegions",
        "South Central US,North Central US,North Europe,West Europe,East Asia,Southeast Asia,"
        "West US,East US,Japan West,Japan East",
    ),
    ("Plans", "Free, Standard"),
    ("PlanDetail:Free:Quota:MaxJobCount", "5"),
    ("PlanDetail:Standard:Quota:MaxJobCount", "50"),
    ("PlanDetail:Free:Quota:MinRecurrence", "01:00:00"),
    ("PlanDetail:Standard:Quota:MinRecurrence", "00:01:00"),
    ("PlanDetail:Free:MaxJobCollections", "1"),
    ("PlanDetail:Standard:MaxJobCollections", "100"),
]
# As the contract has them for January 2016 (section A.3).
IN_2016 = [
    (
        "SupportedGeoRegions",
        f"{IN_2014[0][1]},Brazil South,East US 2,Central US,Australia East,Australia Southeast,"
        "South India,Central India,West India",
    ),
    ("Plans", "Free, Standard, Premium"),
    ("PlanDetail:Free:Quota:MaxJobCount", "5"),
    ("PlanDetail:Standard:Quota:MaxJobCount", "50"),
    ("PlanDetail:Premium:Quota:MaxJobCount", "50"),
    ("PlanDetail:Free:Quota:MinRecurrence", "01:00:00"),
    ("PlanDetail:Standard:Quota:MinRecurrence", "00:01:00"),
    ("PlanDetail:Premium:Quota:MinRecurrence", "00:01:00"),
    ("PlanDetail:Free:MaxJobCollections", "1"),
    ("PlanDetail:Standard:MaxJobCollections", "100000"),
    ("PlanDetail:Premium:MaxJobCollections", "100000"),
]
ROOT = (
    ' xmlns="http://schemas.microsoft.com/windowsazure"'
    ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
)
ENTITLEMENT = (
    '<?xml version="1.0" encoding="utf-8" standalone="yes"?>'
    '<EntitleResource xmlns="http://schemas.microsoft.com/windowsazure">'
    "<ResourceProviderNameSpace>scheduler</ResourceProviderNameSpace><Type>JobCollections</Type>"
    "<RegistrationDate>1970-01-01T00:00:00.000Z</RegistrationDate></EntitleResource>"
)


def test_properties_are_those_of_their_time() -> None:
    assert provider_properties(datetime(2014, 6, 16, tzinfo=UTC)) == IN_2014
    assert provider_properties(GREW_AT) == IN_2016


def test_properties_are_in_the_form_that_was_recorded() -> None:
    assert encode_provider_properties([("Plans", "Free, Standard")]).decode() == (
        f"<ResourceProviderProperties{ROOT}><ResourceProviderProperty><Key>Plans</Key>"
        "<Value>Free, Standard</Value></ResourceProviderProperty></ResourceProviderProperties>"
    )


@pytest.mark.parametrize(("is_available", "word"), [(True, "true"), (False, "false")])
def test_whether_a_name_is_free_is_told_in_a_word(is_available: bool, word: str) -> None:
    assert encode_name_availability(is_available=is_available).decode() == (
        f"<ResourceNameAvailabilityResponse{ROOT}><IsAvailable>{word}</IsAvailable>"
        "</ResourceNameAvailabilityResponse>"
    )


def test_an_entitlement_is_read() -> None:
    entitlement = decode_entitlement(ENTITLEMENT.encode())

    assert entitlement.document() == {
        "resourceProviderNameSpace": "scheduler",
        "type": "JobCollections",
        "registrationDate": "1970-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "InvalidXmlRequest"),
        (ENTITLEMENT.replace("EntitleResource", "Other"), "InvalidXmlRequest"),
        (ENTITLEMENT.replace("<Type>JobCollections</Type>", ""), "BadRequest"),
        (ENTITLEMENT.replace("1970-01-01T00:00:00.000Z", "yesterday"), "BadRequest"),
        (ENTITLEMENT.replace(">scheduler<", f">{'s' * 257}<"), "BadRequest"),
    ],
)
def test_what_is_no_entitlement_is_refused(content: str, code: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decode_entitlement(content.encode())

    assert caught.value.code == code


def test_what_is_written_is_read_back() -> None:
    entitlement = decode_entitlement(ENTITLEMENT.encode())

    assert decode_entitlement(encode_entitlement(entitlement)) == entitlement
    assert decode_provider_properties(encode_provider_properties(IN_2016)) == IN_2016
    for is_available in (True, False):
        content = encode_name_availability(is_available=is_available)
        assert decode_name_availability(content) is is_available


@pytest.mark.parametrize("word", ["", "perhaps", "1"])
def test_p10_an_answer_that_says_neither_is_none(word: str) -> None:
    content = encode_name_availability(is_available=True).replace(b"true", word.encode())

    with pytest.raises(InvalidRequestError):
        decode_name_availability(content)
