"""Answers in the connector's forms."""

import pytest

from shared.connector.answers import document_of
from shared.errors import InvalidRequestError
from shared.wire.catalogue import CATALOGUE
from shared.wire.classic_catalogue import CLASSIC_ROWS
from shared.wire.endpoint import ResponseKind


def test_what_no_command_asks_for_is_not_taken_for_an_answer() -> None:
    asked = {row.response for row in CATALOGUE.values()}
    rows = [row for row in CLASSIC_ROWS if row.response not in asked]

    assert ResponseKind.MANAGEMENT_CERTIFICATE in {row.response for row in rows}
    for row in rows:
        with pytest.raises(InvalidRequestError, match="which no command asks for"):
            document_of(row, b"{}")
