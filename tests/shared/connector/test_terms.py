import json

import pytest

from shared.connector.terms import Terms
from shared.errors import NotSupportedError
from shared.wire.catalogue import CATALOGUE
from shared.wire.commands import Command, parse_commands

JC = "/cloudservices/cs1/jobcollections/jc1"


def commands(*names: str) -> list[Command]:
    resources = {"RunJob": f"{JC}/jobs/a", "GetJob": f"{JC}/jobs/a"}
    return parse_commands(
        json.dumps([{"command": one, "resource": resources.get(one, JC)} for one in names]).encode()
    )


def test_ours_takes_every_command() -> None:
    Terms(is_ours=True).check(commands("RunJob", "EnableJobCollection"))
    Terms(is_ours=True).check_read(CATALOGUE["GetResourceProvider"])


def test_p10_another_scheduler_is_not_asked_for_what_only_arm_had() -> None:
    terms = Terms(is_ours=False)
    terms.check(commands("GetJob", "DeleteJobCollection"))
    terms.check_read(CATALOGUE["GetJob"])

    with pytest.raises(NotSupportedError) as caught:
        terms.check(commands("RunJob", "GetJob", "EnableJobCollection"))

    error = caught.value
    assert (error.status, error.code) == (501, "OperationNotSupported")
    assert [fault.path for fault in error.faults] == ["$[0].command", "$[2].command"]


def test_p10_a_single_command_and_a_read_are_named_by_where_they_stand() -> None:
    terms = Terms(is_ours=False)

    with pytest.raises(NotSupportedError) as of_command:
        terms.check(commands("RunJob"))
    with pytest.raises(NotSupportedError) as of_read:
        terms.check_read(CATALOGUE["GetResourceProvider"])

    assert [fault.path for fault in of_command.value.faults] == ["$.command"]
    assert [fault.path for fault in of_read.value.faults] == ["method"]
