import json
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Fault, InvalidRequestError
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import (
    canonical_json,
    parse_commands,
    request_command,
    request_query,
)
from shared.wire.faults import json_path
from shared.wire.json_types import Json, JsonObject
from shared.wire.routing import Match
from tests.shared.wire import strategies

COLLECTION = "/cloudservices/cs1/jobcollections/jc1"
JOB = f"{COLLECTION}/jobs/nightly"
BODY: JsonObject = {
    "action": {"type": "http", "request": {"method": "POST", "uri": "https://example.org/run"}}
}
PUT_JOB: JsonObject = {"command": "CreateOrUpdateJob", "resource": JOB, "body": BODY}
PARAMS = {"cloud_service": "cs1", "job_collection": "jc1", "job": "nightly"}


def encode(document: Json) -> bytes:
    return json.dumps(document).encode()


def faults_of(content: bytes) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        parse_commands(content)
    return [fault.path for fault in caught.value.faults]


def test_a_message_holds_one_command() -> None:
    (command,) = parse_commands(encode({**PUT_JOB, "ifMatch": None, "deadline": "PT1H"}))

    assert command.endpoint is CATALOGUE["CreateOrUpdateJob"]
    assert command.params == PARAMS
    assert command.body == BODY
    assert command.deadline == timedelta(hours=1)
    assert command.if_match is None


def test_a_message_holds_commands_in_their_order() -> None:
    names = ["GetJob", "DeleteJob", "GetJob"]

    commands = parse_commands(encode([{"command": name, "resource": JOB} for name in names]))

    assert [command.endpoint.name for command in commands] == names


@pytest.mark.parametrize("name", ["RunJob", "GetJobHistory"])
def test_what_is_asked_of_a_job_names_the_job(name: str) -> None:
    (command,) = parse_commands(encode({"command": name, "resource": JOB}))

    assert command.endpoint is CATALOGUE[name]
    assert (command.params, command.resource) == (PARAMS, JOB)


def test_a_deadline_is_a_day_when_left_out() -> None:
    (command,) = parse_commands(encode(PUT_JOB))

    assert command.deadline == timedelta(hours=24)


def test_a_resource_has_one_spelling() -> None:
    spelled = "/CloudServices/cs1/JobCollections/jc1/JOBS/a%41%20b/"

    (command,) = parse_commands(encode({"command": "GetJob", "resource": spelled}))

    assert command.resource == "/cloudservices/cs1/jobcollections/jc1/jobs/aA%20b"


def test_an_etag_goes_with_the_update_of_a_collection() -> None:
    document: JsonObject = {"command": "UpdateJobCollection", "resource": COLLECTION, "body": {}}

    (command,) = parse_commands(encode({**document, "ifMatch": "e"}))

    assert command.if_match == "e"


@pytest.mark.parametrize(
    ("name", "if_match"), [("UpdateJobCollection", None), ("CreateJobCollection", "e")]
)
def test_p10_the_update_of_a_collection_needs_an_etag_and_its_creation_takes_none(
    name: str, if_match: str | None
) -> None:
    document: JsonObject = {"command": name, "resource": COLLECTION, "body": {}}

    assert faults_of(encode({**document, "ifMatch": if_match})) == ["$.ifMatch"]


@pytest.mark.parametrize(
    ("if_match", "name"), [(None, "CreateJobCollection"), ("e", "UpdateJobCollection")]
)
def test_a_put_of_a_collection_with_an_etag_is_an_update(if_match: str | None, name: str) -> None:
    params = {"cloud_service": "cs1", "job_collection": "jc1"}

    command = request_command(
        Match(CATALOGUE["CreateJobCollection"], params), b"{}", if_match=if_match
    )

    assert (command.endpoint.name, command.if_match) == (name, if_match)


@pytest.mark.parametrize(
    ("command", "resource", "query"),
    [
        ("ListJobs", f"{COLLECTION}/jobs", {"$top": "1000", "$skip": "0"}),
        ("ListJobs", f"{COLLECTION}/jobs", {"$filter": "STATE eq 'Faulted'"}),
        ("ListJobs", f"{COLLECTION}/jobs", {}),
        ("GetJobHistory", JOB, {"$top": "100", "$filter": "status eq failed and state eq enabled"}),
        ("CheckJobCollectionName", "/cloudservices/cs1", {"resourceName": "jc 2"}),
    ],
)
def test_reads_take_their_query(command: str, resource: str, query: JsonObject) -> None:
    (read,) = parse_commands(encode({"command": command, "resource": resource, "query": query}))

    assert read.query == query
    assert request_query(CATALOGUE[command], {k: str(v) for k, v in query.items()}) == query


def test_a_query_has_one_spelling() -> None:
    document: JsonObject = {"command": "ListJobs", "resource": f"{COLLECTION}/jobs"}

    (read,) = parse_commands(encode({**document, "query": {"$TOP": "5", "$skip": None}}))

    assert read.query == {"$top": "5"}


@pytest.mark.parametrize(
    ("command", "resource", "query", "names"),
    [
        ("ListJobs", f"{COLLECTION}/jobs", {"$top": "0"}, ["$top"]),
        ("ListJobs", f"{COLLECTION}/jobs", {"$top": "1001", "$skip": "-1"}, ["$top", "$skip"]),
        ("ListJobs", f"{COLLECTION}/jobs", {"$top": ""}, ["$top"]),
        ("ListJobs", f"{COLLECTION}/jobs", {"$top": "٣"}, ["$top"]),
        ("ListJobs", f"{COLLECTION}/jobs", {"$filter": "state eq asleep"}, ["$filter"]),
        ("ListJobs", f"{COLLECTION}/jobs", {"$filter": "status eq failed"}, ["$filter"]),
        ("ListJobs", f"{COLLECTION}/jobs", {"$filter": " " * 201}, ["$filter"]),
        ("ListJobs", f"{COLLECTION}/jobs", {"colour": "red", "a b": "1"}, ["colour", "a b"]),
        ("GetJobHistory", JOB, {"$top": "101"}, ["$top"]),
        ("GetJobHistory", JOB, {"$filter": "status eq asleep"}, ["$filter"]),
        ("CheckJobCollectionName", "/cloudservices/cs1", {}, ["resourceName"]),
        ("CheckJobCollectionName", "/cloudservices/cs1", {"resourceName": ""}, ["resourceName"]),
        (
            "CheckJobCollectionName",
            "/cloudservices/cs1",
            {"resourceName": "\x00"},
            ["resourceName"],
        ),
    ],
    ids=range(13),
)
def test_p10_every_fault_of_a_query_is_told(
    command: str, resource: str, query: dict[str, str], names: list[str]
) -> None:
    document: JsonObject = {"command": command, "resource": resource, "query": {**query}}

    assert faults_of(encode(document)) == [json_path([name], root="$.query") for name in names]
    with pytest.raises(InvalidRequestError) as caught:
        request_query(CATALOGUE[command], query)
    assert [fault.path for fault in caught.value.faults] == [f"?{name}" for name in names]


@pytest.mark.parametrize("query", ["$top=1", 1, [], {"$top": 1}, {"$top": ["1"]}])
def test_p10_a_query_is_an_object_of_texts(query: Json) -> None:
    document: JsonObject = {"command": "ListJobs", "resource": f"{COLLECTION}/jobs"}

    (path,) = faults_of(encode({**document, "query": query}))
    assert path.startswith("$.query")


@pytest.mark.parametrize("name", ["GetJob", "DeleteJob", "RunJob"])
def test_p10_what_takes_no_query_refuses_one(name: str) -> None:
    document: JsonObject = {"command": name, "resource": JOB}

    assert parse_commands(encode({**document, "query": {}}))[0].query == {}
    assert faults_of(encode({**document, "query": {"$top": "1"}})) == ["$.query"]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        (1, ["$"]),
        ([], ["$"]),
        ([PUT_JOB] * 101, ["$"]),
        ({}, ["$.command", "$.resource"]),
        ({"command": None}, ["$.command", "$.resource"]),
        ({"command": "GetJob", "resource": None}, ["$.resource"]),
        ({"resource": 7}, ["$.command", "$.resource"]),
        ({"command": "Explode"}, ["$.command", "$.resource"]),
        ({"command": ["GetJob"], "resource": JOB}, ["$.command"]),
        ({"command": "GetJob"}, ["$.resource"]),
        ({"command": "GetJob", "resource": "/cloudservices/cs1"}, ["$.resource"]),
        ({"command": "GetJob", "resource": JOB, "body": {}}, ["$.body"]),
        ({"command": "GetJob", "resource": JOB, "ifMatch": "e"}, ["$.ifMatch"]),
        ({"command": "RunJob", "resource": f"{JOB}/run"}, ["$.resource"]),
        ({"command": "RunJob", "resource": JOB, "body": {}}, ["$.body"]),
        ({"command": "RunJob", "resource": JOB, "ifMatch": "e"}, ["$.ifMatch"]),
        ({**PUT_JOB, "body": None}, ["$.body"]),
        ({**PUT_JOB, "colour": "red"}, ["$.colour"]),
        ({**PUT_JOB, "deadline": "PT24H1S"}, ["$.deadline"]),
        ({**PUT_JOB, "deadline": "PT0S"}, ["$.deadline"]),
        ({**PUT_JOB, "deadline": "soon"}, ["$.deadline"]),
        ({**PUT_JOB, "deadline": 60}, ["$.deadline"]),
        ({**PUT_JOB, "body": {**BODY, "id": "other"}}, ["$.body.id"]),
        ({**PUT_JOB, "body": {**BODY, "a": "a" * 16384}}, ["$.body"]),
        ({**PUT_JOB, "a b": 1, "a": 1}, ["$['a b']", "$.a"]),
        (
            [PUT_JOB, {**PUT_JOB, "resource": "/", "body": {}}, 3, {"command": "x", "z": 1}],
            [
                "$[1].resource",
                "$[1].body.action",
                "$[2]",
                "$[3].z",
                "$[3].command",
                "$[3].resource",
            ],
        ),
    ],
    ids=range(26),
)
def test_p10_every_fault_of_every_command_is_told(document: Json, paths: list[str]) -> None:
    assert faults_of(encode(document)) == paths


@pytest.mark.parametrize("etag", ["✓", "", 1, "a\r\nb"])
def test_p10_what_is_no_etag_is_a_fault(etag: Json) -> None:
    document: JsonObject = {"command": "UpdateJobCollection", "resource": COLLECTION, "body": {}}

    assert faults_of(encode({**document, "ifMatch": etag})) == ["$.ifMatch"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_p10_messages_that_are_no_json_are_faults(content: bytes) -> None:
    assert faults_of(content) == ["$"]


def test_p10_a_message_is_taken_up_to_256_k() -> None:
    content = encode(PUT_JOB)
    longest = content + b" " * (256 * 1024 - len(content))

    assert len(parse_commands(longest)) == 1
    assert faults_of(longest + b" ") == ["$"]


def test_p8_a_command_shows_no_body() -> None:
    (command,) = parse_commands(encode(PUT_JOB))

    assert repr(command) == f"Command(CreateOrUpdateJob {JOB})"


def test_a_request_is_a_command() -> None:
    match = Match(CATALOGUE["CreateOrUpdateJob"], PARAMS)

    assert request_command(match, encode(BODY)) == parse_commands(encode(PUT_JOB))[0]


@pytest.mark.parametrize("name", ["DeleteJob", "RunJob"])
def test_a_request_without_a_body_is_a_command(name: str) -> None:
    command = request_command(Match(CATALOGUE[name], PARAMS), b"")

    assert command == parse_commands(encode({"command": name, "resource": JOB}))[0]
    assert command.body is None


@pytest.mark.parametrize(
    ("content", "paths"),
    [(b"{", ["$"]), (b"", ["$"]), (b"{}", ["$.action"]), (b" " * 16385, ["$"])],
    ids=range(4),
)
def test_p10_every_fault_of_a_request_is_told(content: bytes, paths: list[str]) -> None:
    params = {**PARAMS, "job": ".."}

    with pytest.raises(InvalidRequestError) as caught:
        request_command(Match(CATALOGUE["CreateOrUpdateJob"], params), content, if_match="e")

    assert [fault.path for fault in caught.value.faults] == ["resource", "If-Match", *paths]
    assert Fault("If-Match", "CreateOrUpdateJob takes none") in caught.value.faults


@given(strategies.json_objects, st.randoms(use_true_random=False))
def test_canonical_json_does_not_depend_on_the_order_of_members(
    document: JsonObject, random: Random
) -> None:
    members = list(document.items())
    random.shuffle(members)

    assert canonical_json(dict(members)) == canonical_json(document)
    assert json.loads(canonical_json(document)) == document


@given(st.binary(max_size=80))
def test_p10_any_bytes_are_commands_or_faults(content: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_commands(content)
