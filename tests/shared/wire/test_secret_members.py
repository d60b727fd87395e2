import json

import pytest
from hypothesis import assume, given

from shared.wire.json_types import Json
from shared.wire.secret_members import SECRET_MEMBERS, drop_secrets, map_secret_members
from tests.shared.wire import strategies

JOB: dict[str, Json] = {
    "action": {
        "request": {
            "headers": {"password": "a header of the caller's"},
            "authentication": {"type": "Basic", "username": "u", "password": "s3cret"},
        },
        "errorAction": {
            "queueMessage": {"sasToken": "s3cret", "message": "m"},
            "serviceBusQueueMessage": {"authentication": {"sasKeyName": "n", "sasKey": "s3cret"}},
        },
    },
    "others": [{"authentication": {"pfx": "s3cret", "Password": "s3cret", "secret": "s3cret"}}],
}


def test_p8_secrets_are_dropped_at_every_depth() -> None:
    assert drop_secrets(JOB) == {
        "action": {
            "request": {
                "headers": {"password": "a header of the caller's"},
                "authentication": {"type": "Basic", "username": "u"},
            },
            "errorAction": {
                "queueMessage": {"message": "m"},
                "serviceBusQueueMessage": {"authentication": {"sasKeyName": "n"}},
            },
        },
        "others": [{"authentication": {}}],
    }


def test_what_was_sealed_unseals_to_the_same_document() -> None:
    sealed = map_secret_members(JOB, lambda text: f"sealed {text}")

    assert json.dumps(sealed).count("sealed s3cret") == 6
    assert map_secret_members(sealed, lambda text: text.removeprefix("sealed ")) == JOB


@pytest.mark.parametrize("value", [1, None, {"a": "s3cret"}, ["s3cret"]])
def test_p8_a_secret_that_is_not_text_is_dropped(value: Json) -> None:
    assert map_secret_members({"password": value, "a": 1}, lambda _: "***") == {"a": 1}


@given(strategies.json_values)
def test_only_secrets_are_changed(document: Json) -> None:
    dropped = map_secret_members(document, lambda _: None)

    # Hypothesis draws member names from our sources too, secret ones among them.
    assert map_secret_members(dropped, lambda _: "changed") == dropped


@given(strategies.json_values)
def test_a_document_without_the_names_of_secrets_stays_as_it_is(document: Json) -> None:
    text = json.dumps(document).lower()
    assume(not any(name in text for name in SECRET_MEMBERS))

    assert map_secret_members(document, lambda _: None) == document
