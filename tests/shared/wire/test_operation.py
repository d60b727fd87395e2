import pytest
from hypothesis import given

from shared.errors import InvalidRequestError
from shared.wire.model import read
from shared.wire.operation import Operation
from tests.shared.wire import strategies


@given(strategies.operations)
def test_operations_survive_json(operation: Operation) -> None:
    assert read(Operation, operation.document()) == operation


@pytest.mark.parametrize("identifier", ["", "x" * 32, "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_an_operation_has_a_request_id(identifier: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(Operation, {"id": identifier, "status": "Succeeded"})

    assert [fault.path for fault in caught.value.faults] == ["$.id"]
