"""The AsyncAPI document: as the parser of AsyncAPI reads it, and true of the code's queues, commands and events."""

import json
import subprocess
from typing import Any

import pytest
from jsonschema_rs import Draft7Validator

from shared.connector.history import TOLD_BY_AN_ENGINE as TAKEN
from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.command_messages import BATCH, example, schema_name
from shared.contracts.event_messages import HISTORY, TOLD_BY_AN_ENGINE, event_name
from shared.events.event_types import EventType
from shared.messaging.entities import TOCSIN_QUEUES
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import parse_commands
from shared.wire.endpoint import Endpoint
from tests.conformance.clients.languages import node_command
from tests.shared.contracts.test_event_schemas import TOLD
from tests.traces import TRACEPARENT

DOCUMENT: dict[str, Any] = asyncapi_document()
# What only our own functions send to each other.
INTERNAL = {"operations", "service-operations", "executions", "deliveries"}
ERROR, WARNING = 0, 1


def faults(name: str, value: object) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return [one.message for one in Draft7Validator(schema).iter_errors(value)]


def test_the_parser_of_asyncapi_finds_nothing_wrong() -> None:
    ran = subprocess.run(
        node_command("asyncapi.js"),
        input=json.dumps(DOCUMENT),
        capture_output=True,
        text=True,
        check=True,
    )

    read = json.loads(ran.stdout)
    assert [one for one in read["diagnostics"] if one["severity"] in (ERROR, WARNING)] == []
    assert read["version"] == "3.0.0"
    assert read["messages"] == len(DOCUMENT["components"]["messages"])


def test_every_queue_that_others_use_is_a_channel() -> None:
    addresses = {one["address"] for one in DOCUMENT["channels"].values()}

    queues = {queue.name for queue in TOCSIN_QUEUES}
    assert queues - INTERNAL == addresses - {None, "{topic}"}


@pytest.mark.parametrize("channel", ["commands", "commandsOrdered"])
def test_every_command_is_a_message_of_both_queues(channel: str) -> None:
    assert set(DOCUMENT["channels"][channel]["messages"]) == {*CATALOGUE, BATCH}


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=CATALOGUE)
def test_the_example_of_a_command_is_taken_by_the_code_and_by_its_schema(row: Endpoint) -> None:
    shown = example(row)

    (command,) = parse_commands(json.dumps(shown).encode())

    assert command.endpoint is row
    assert faults(schema_name(row.name), shown) == []
    assert faults(BATCH, [shown]) == []
    assert faults(schema_name(row.name), {**shown, "resource": "/elsewhere"}) != []


def test_every_event_is_a_message_of_the_topic_and_of_webhooks() -> None:
    names = {event_name(one) for one in EventType}

    assert set(DOCUMENT["channels"]["events"]["messages"]) == names
    assert set(DOCUMENT["channels"]["webhooks"]["messages"]) == {f"Webhook{one}" for one in names}


def test_what_an_engine_tells_is_of_its_schema() -> None:
    assert set(TOLD_BY_AN_ENGINE) == TAKEN
    assert faults(HISTORY, TOLD) == []
    assert faults(HISTORY, [{**TOLD[0], "data": {}}]) != []


def test_an_event_of_the_log_is_of_its_schema_only_with_its_number() -> None:
    event = TOLD[0]
    name = event_name(EventType(event["type"]))

    assert faults(name, {**event, "sequence": f"{1:019}"}) == []
    assert faults(name, event) != []


def test_an_event_names_a_trace_as_the_w3c_writes_it() -> None:
    event = {**TOLD[0], "sequence": f"{1:019}"}
    name = event_name(EventType(event["type"]))

    assert faults(name, {**event, "traceparent": TRACEPARENT}) == []
    assert faults(name, {**event, "traceparent": "nonsense"}) != []
