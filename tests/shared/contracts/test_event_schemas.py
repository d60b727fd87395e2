"""The schemas of the events' data: those of the reference, valid, and without a secret in them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta

from shared.contracts.event_schemas import WHEN, encoded, event_schema
from shared.events.event_types import EventType
from shared.scheduler.announcements import SkipReason
from tests.event_conformance import SCHEMAS, check_event

ROOT = Path(__file__).parents[3]
TOLD: list[dict[str, Any]] = json.loads((ROOT / "examples" / "history.json").read_bytes())


def test_the_reference_holds_the_schema_of_each_type_and_nothing_besides() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {f"{one.value}.json" for one in EventType}


@pytest.mark.parametrize("event_type", EventType)
def test_the_reference_holds_the_schemas_as_they_are_now(event_type: EventType) -> None:
    kept = (SCHEMAS / f"{event_type.value}.json").read_text()

    assert kept == encoded(event_schema(event_type)), "run `make schemas`"


@pytest.mark.parametrize("event_type", EventType)
def test_a_schema_is_valid_and_named_by_the_events_dataschema(event_type: EventType) -> None:
    schema = event_schema(event_type)

    meta.validate(schema)
    assert schema["$id"] == event_type.dataschema
    assert schema["description"] == WHEN[event_type]


@pytest.mark.parametrize("event_type", EventType)
def test_p8_no_event_has_a_place_for_a_secret(event_type: EventType) -> None:
    text = json.dumps(event_schema(event_type))

    for secret in ("password", "pfx", '"secret"', "sasToken", 'sasKey"', "writeOnly"):
        assert secret not in text


def test_who_reads_by_a_schema_can_read_what_is_added_later() -> None:
    event = copy.deepcopy(TOLD[0])
    event["data"]["addedLater"] = {"a": 1}
    event["data"]["action"]["addedLater"] = 1

    schema = event_schema(EventType(event["type"]))

    assert Draft202012Validator(schema).is_valid(event["data"])
    with pytest.raises(AssertionError, match="addedLater"):
        check_event(event)


def test_every_event_that_the_engine_tells_follows_its_schema() -> None:
    for event in TOLD:
        check_event(event)


@pytest.mark.parametrize(
    ("member", "value"), [("id", None), ("state", "sleeping"), ("startTime", "tomorrow")]
)
def test_what_is_no_job_is_none_to_the_schema(member: str, value: object) -> None:
    event = copy.deepcopy(TOLD[0])
    event["data"] = {**event["data"], member: value}

    with pytest.raises(AssertionError, match=rf"\$\.{member}"):
        check_event(event)


def test_the_reasons_to_skip_are_those_of_the_engine() -> None:
    reasons: Any = event_schema(EventType.EXECUTION_SKIPPED)["properties"]

    assert set(reasons["reason"]["enum"]) == set(SkipReason)
