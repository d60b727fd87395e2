"""The form of our errors and failed operations, by what the front end said for other providers than Scheduler."""

import json
from typing import Any

import pytest

from shared.wire.errors import rdfe_error
from shared.wire.operation import OperationStatus
from shared.wire.xml_codec import decode_operation, encode_operation
from shared.wire.xml_elements import parse_xml
from tests.conformance.comparing import parse
from tests.conformance.recordings import RECORDED
from tests.shared.scheduler.scheduler_stack import ROOT, Stack

ANSWERS: list[dict[str, Any]] = json.loads((RECORDED / "rdfe_neighbours.json").read_text())
ERRORS = [one for one in ANSWERS if "<Error " in one["answer"]]
FAILED = [one for one in ANSWERS if "<Operation " in one["answer"]]
REGISTRATIONS = {one["status"]: one for one in ERRORS if "?service=" in one["target"]}


def target(recorded: dict[str, Any]) -> str:
    return str(recorded["target"])


def check_length(recorded: dict[str, Any], ours: bytes) -> None:
    """The recorder re-indented bodies, but kept the length that the front end had told."""
    if recorded["contentLength"] is not None:
        assert len(ours) == int(recorded["contentLength"])


@pytest.mark.parametrize("recorded", ERRORS, ids=target)
def test_an_error_has_the_recorded_form(recorded: dict[str, Any]) -> None:
    root = parse_xml(recorded["answer"].encode(), "Error")

    ours = rdfe_error(root.text("Code") or "", root.text("Message") or "")

    assert parse(ours) == parse(recorded["answer"].encode())
    check_length(recorded, ours)


@pytest.mark.parametrize("recorded", FAILED, ids=target)
def test_a_failed_operation_has_the_recorded_form(recorded: dict[str, Any]) -> None:
    operation = decode_operation(recorded["answer"].encode())

    ours = encode_operation(operation)

    assert operation.status is OperationStatus.FAILED
    assert parse(ours) == parse(recorded["answer"].encode())
    check_length(recorded, ours)


@pytest.mark.parametrize(
    ("status", "service"), [(404, "website"), (409, "scheduler.JobCollections")]
)
async def test_a_registration_is_refused_in_the_recorded_words(
    stack: Stack, status: int, service: str
) -> None:
    recorded = REGISTRATIONS[status]["answer"]
    url = f"{ROOT}/services?service={service}&action=register"
    await stack.call("PUT", url)

    refused = await stack.call("PUT", url)

    assert refused.status == status
    assert refused.text() in (recorded, recorded.replace(" website ", f" {service} "))
