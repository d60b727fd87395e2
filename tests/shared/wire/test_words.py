import pytest
from pydantic_core import PydanticCustomError

from shared.wire.retry_policy import RetryType
from shared.wire.words import word_reader

read_type = word_reader(RetryType)


@pytest.mark.parametrize("text", ["fixed", "FIXED", "Fixed"])
def test_words_are_read_ignoring_case(text: str) -> None:
    assert read_type(text) is RetryType.FIXED


@pytest.mark.parametrize("value", ["linear", "", 1, None, ["fixed"], "fixed "])
def test_other_values_are_refused_with_the_choices(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be one of none, fixed"):
        read_type(value)
