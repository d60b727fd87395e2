import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.filters import filter_keys, is_type_filter


@pytest.mark.parametrize(
    "text", ["*", "tocsin.*", "tocsin.operation.*", "tocsin.operation.failed", "a", "a-b_c.D"]
)
def test_types_and_whole_prefixes_are_filters(text: str) -> None:
    assert is_type_filter(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "**", "tocsin.op*", "*.failed", "a..b", "a.", ".a", "a.*.b", "a b", "é", "a\n"],
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_type_filter(text)


def test_a_type_is_let_through_by_itself_and_by_each_prefix() -> None:
    assert set(filter_keys("tocsin.operation.failed")) == {
        "tocsin.operation.failed",
        "tocsin.operation.*",
        "tocsin.*",
        "*",
    }


segments = st.text("abc", min_size=1, max_size=2)
types = st.lists(segments, min_size=1, max_size=4).map(".".join)


@given(types, types)
def test_a_prefix_lets_through_what_begins_with_it(prefix: str, event_type: str) -> None:
    through = f"{prefix}.*" in filter_keys(event_type)

    assert through == event_type.startswith(f"{prefix}.")


@given(types)
def test_every_key_is_a_filter(event_type: str) -> None:
    assert all(is_type_filter(key) for key in filter_keys(event_type))
