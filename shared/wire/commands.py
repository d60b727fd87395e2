"""Commands: one change or read of a resource, as a queue message or an HTTP request asks for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.errors import Fault, InvalidRequestError
from shared.wire.bodies import check_body, check_query
from shared.wire.catalogue import CATALOGUE
from shared.wire.endpoint import Endpoint
from shared.wire.faults import MAX_FAULTS, json_path
from shared.wire.job import MAX_JOB_BYTES, Job
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.names import name_faults
from shared.wire.routing import Match, parse_resource, resource_path
from shared.wire.times import parse_duration

MAX_MESSAGE_BYTES = 256 * 1024
MAX_COMMANDS = 100
MAX_DEADLINE = timedelta(hours=24)
MEMBERS = frozenset({"command", "resource", "body", "query", "ifMatch", "deadline"})
CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
STEP = "[]'\"."
"""What a JSON path puts around the name of a member."""
UPDATED_BY = {"CreateJobCollection": "UpdateJobCollection"}
"""What a request with `If-Match` asks for instead (DESIGN §6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A valid command; the body is as the caller wrote it and may hold secrets, so it is no part of the repr."""

    endpoint: Endpoint
    params: Mapping[str, str]
    body: JsonObject | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    if_match: str | None = None
    deadline: timedelta = MAX_DEADLINE

    @property
    def resource(self) -> str:
        """The resource's path, in one spelling for all commands that name it with the same case."""
        return resource_path(self.endpoint, self.params)

    def __repr__(self) -> str:
        return f"Command({self.endpoint.name} {self.resource})"


def request_command(match: Match, content: bytes, *, if_match: str | None = None) -> Command:
    """Return the command that an HTTP request to the connector is.

    Raises:
        InvalidRequestError: with every fault of names, headers and body; paths begin at the body.
    """
    endpoint, params = match.endpoint, match.params
    if if_match is not None:
        endpoint = CATALOGUE[UPDATED_BY.get(endpoint.name, endpoint.name)]
    faults = list(name_faults(params, path="resource"))
    faults += _if_match_faults(endpoint, if_match, path="If-Match")
    body: JsonObject | None = None
    if too_large := _size_faults(endpoint, len(content), "$"):
        raise InvalidRequestError([*faults, *too_large])
    try:
        document = parse_json(content) if content else None
        body = check_body(endpoint, document, params=params)
    except InvalidRequestError as error:
        faults += error.faults
    if faults:
        raise InvalidRequestError(faults)
    return Command(endpoint=endpoint, params=params, body=body, if_match=if_match)


def request_query(endpoint: Endpoint, query: Mapping[str, str]) -> dict[str, str]:
    """Return the query of a request to the connector, its names as the catalogue spells them.

    Raises:
        InvalidRequestError: with every fault; a parameter is written `?name`.
    """
    try:
        return check_query(endpoint, {**query}, path="")
    except InvalidRequestError as error:
        raise InvalidRequestError(
            [replace(fault, path=f"?{fault.path.strip(STEP)}") for fault in error.faults]
        ) from None


def parse_commands(content: bytes) -> list[Command]:
    """Return the command, or the array of up to 100 commands, in a message: all or none.

    Raises:
        InvalidRequestError: with every fault of every command.
    """
    if len(content) > MAX_MESSAGE_BYTES:
        raise InvalidRequestError(
            [Fault("$", f"has {len(content)} bytes, {MAX_MESSAGE_BYTES} are allowed")]
        )
    document = parse_json(content)
    if not isinstance(document, list):
        return [_command(document, "$")]
    if not 1 <= len(document) <= MAX_COMMANDS:
        raise InvalidRequestError(
            [Fault("$", f"has {len(document)} commands; from 1 to {MAX_COMMANDS} are allowed")]
        )
    commands: list[Command] = []
    faults: list[Fault] = []
    for index, item in enumerate(document):
        try:
            commands.append(_command(item, f"$[{index}]"))
        except InvalidRequestError as error:
            faults += error.faults
    if faults:
        raise InvalidRequestError(faults)
    return commands


def canonical_json(value: Json) -> bytes:
    """Return one text for all documents that say the same: members sorted, nothing optional."""
    return CANONICAL.encode(value).encode()


def _command(document: Json, path: str) -> Command:
    if not isinstance(document, dict):
        raise InvalidRequestError([Fault(path, "must be an object")])
    unknown = [name for name in document if name not in MEMBERS]
    faults = [
        Fault(json_path([name], root=path), "is not a known member")
        for name in unknown[:MAX_FAULTS]
    ]
    endpoint = CATALOGUE.get(str(document.get("command")))
    deadline = _deadline(document.get("deadline"), f"{path}.deadline", faults)
    if endpoint is None:
        faults.append(Fault(f"{path}.command", f"must be one of {', '.join(CATALOGUE)}"))
        if not isinstance(document.get("resource"), str):
            faults.append(Fault(f"{path}.resource", "must be a string"))
        raise InvalidRequestError(faults)
    params = _params(endpoint, document.get("resource"), path, faults)
    body = _body(endpoint, document.get("body"), params, f"{path}.body", faults)
    query = _query(endpoint, document.get("query"), f"{path}.query", faults)
    if_match = document.get("ifMatch")
    faults += _if_match_faults(endpoint, if_match, path=f"{path}.ifMatch")
    if faults:
        raise InvalidRequestError(faults)
    return Command(
        endpoint=endpoint,
        params=params,
        body=body,
        query=query,
        if_match=if_match if isinstance(if_match, str) else None,
        deadline=deadline,
    )


def _params(endpoint: Endpoint, resource: Json, path: str, faults: list[Fault]) -> dict[str, str]:
    if not isinstance(resource, str):
        faults.append(
            Fault(f"{path}.resource", f"must be a string of the form {endpoint.resource}")
        )
        return {}
    try:
        return parse_resource(endpoint, resource)
    except InvalidRequestError as error:
        faults += [
            Fault(path + fault.path.removeprefix("$"), fault.message) for fault in error.faults
        ]
        return {}


def _body(
    endpoint: Endpoint, document: Json, params: Mapping[str, str], path: str, faults: list[Fault]
) -> JsonObject | None:
    if too_large := _size_faults(endpoint, _size(endpoint, document), path):
        faults += too_large
        return None
    try:
        return check_body(endpoint, document, params=params, path=path)
    except InvalidRequestError as error:
        faults += error.faults
        return None


def _query(endpoint: Endpoint, document: Json, path: str, faults: list[Fault]) -> Mapping[str, str]:
    try:
        return check_query(endpoint, document, path=path)
    except InvalidRequestError as error:
        faults += error.faults
        return {}


def _size(endpoint: Endpoint, document: Json) -> int:
    return len(canonical_json(document)) if endpoint.request_model is Job else 0


def _size_faults(endpoint: Endpoint, size: int, path: str) -> list[Fault]:
    if endpoint.request_model is not Job or size <= MAX_JOB_BYTES:
        return []
    return [Fault(path, f"has {size} bytes, a job may have {MAX_JOB_BYTES}")]


def _if_match_faults(endpoint: Endpoint, if_match: Json, *, path: str) -> list[Fault]:
    if if_match is None:
        return [Fault(path, "is required")] if endpoint.conditional else []
    if not endpoint.conditional:
        return [Fault(path, f"{endpoint.name} takes none")]
    if (
        not isinstance(if_match, str)
        or not if_match.isprintable()
        or not if_match.isascii()
        or not if_match
    ):
        return [Fault(path, "must be an ETag")]
    return []


def _deadline(value: Json, path: str, faults: list[Fault]) -> timedelta:
    if value is None:
        return MAX_DEADLINE
    try:
        deadline = parse_duration(value) if isinstance(value, str) else None
    except ValueError:
        deadline = None
    if deadline is None or not timedelta(0) < deadline <= MAX_DEADLINE:
        faults.append(
            Fault(path, "must be an ISO 8601 duration of more than nothing and at most PT24H")
        )
        return MAX_DEADLINE
    return deadline
