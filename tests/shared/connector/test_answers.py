import pytest

from shared.connector.answers import document_of
from shared.errors import InvalidRequestError
from shared.wire.arm_catalogue import ARM_ROWS
from shared.wire.catalogue import CATALOGUE, ResponseKind


def test_what_no_command_asks_for_is_not_taken_for_an_answer() -> None:
    kinds = {row.response for row in ARM_ROWS} - {row.response for row in CATALOGUE.values()}

    assert ResponseKind.RESOURCE_GROUP in kinds
    for kind in kinds:
        with pytest.raises(InvalidRequestError, match=f"is a {kind}, which no command asks for"):
            document_of(kind, b"{}")
