import pytest
from pydantic_core import PydanticCustomError

from shared.wire.action import ActionType
from shared.wire.words import word_reader

read_type = word_reader(ActionType, not_yet=("storageQueue",))


@pytest.mark.parametrize("text", ["https", "HTTPS", "Https"])
def test_words_are_read_ignoring_case(text: str) -> None:
    assert read_type(text) is ActionType.HTTPS


@pytest.mark.parametrize("value", ["ftp", "", 1, None, ["http"], "http "])
def test_other_values_are_refused_with_the_choices(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be one of http, https"):
        read_type(value)


def test_words_of_the_contract_that_we_do_not_offer_yet_are_named() -> None:
    with pytest.raises(PydanticCustomError, match="'StorageQueue' is not supported yet"):
        read_type("StorageQueue")
