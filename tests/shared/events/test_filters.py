import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.filters import (
    DataFilter,
    filter_keys,
    is_below,
    is_data_path,
    is_type_filter,
    lets_through,
)
from shared.wire.json_types import Json


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


@pytest.mark.parametrize("path", ["$.a", "$.error.code", "$.a-b._c.D9", "$" + ".a" * 10])
def test_names_behind_dots_are_a_path(path: str) -> None:
    assert is_data_path(path)


@pytest.mark.parametrize(
    "path",
    ["", "$", "a", "job.id", "$.", "$.a.", "$..a", "$.a[0]", "$.é", "$.a\n", "$" + ".a" * 11],
)
def test_anything_else_is_no_path(path: str) -> None:
    assert not is_data_path(path)


@pytest.mark.parametrize(
    ("subject", "prefix", "expected"),
    [
        ("/cloudservices/cs1/jobs/a", "/CloudServices/CS1", True),
        ("/CLOUDSERVICES/cs1/jobs/a", "/cloudservices/cs1/", True),
        ("/cloudservices/cs1", "/cloudservices/cs1/", True),
        ("/cloudservices/cs10", "/cloudservices/cs1", False),
        ("/cloudservices", "/cloudservices/cs1", False),
        (None, "/cloudservices", False),
        (None, "", True),
        ("anything", "/", True),
    ],
)
def test_a_subject_prefix_is_whole_segments(
    subject: str | None, prefix: str, expected: bool
) -> None:
    assert is_below(subject, prefix) is expected


DATA: Json = {"command": "RunJob", "error": {"code": "NotFound"}, "attempts": 3, "isOpen": True}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (DataFilter(path="$.command", equals="RunJob"), True),
        (DataFilter(path="$.command", equals="runjob"), False),
        (DataFilter(path="$.command", prefix="Run"), True),
        (DataFilter(path="$.command", prefix="un"), False),
        (DataFilter(path="$.error.code", equals="NotFound"), True),
        (DataFilter(path="$.error", equals="NotFound"), False),
        (DataFilter(path="$.command.code", equals="RunJob"), False),
        (DataFilter(path="$.attempts", equals=3), True),
        (DataFilter(path="$.attempts", equals=3.0), True),
        (DataFilter(path="$.attempts", equals="3"), False),
        (DataFilter(path="$.attempts", prefix="3"), False),
        (DataFilter(path="$.isOpen", equals=True), True),
        (DataFilter(path="$.isOpen", equals=1), False),
        (DataFilter(path="$.attempts", equals=True), False),
        (DataFilter(path="$.nothing", equals=False), False),
        (DataFilter(path="$.nothing", prefix=""), False),
    ],
)
def test_a_data_filter_compares_one_member(one: DataFilter, expected: bool) -> None:
    assert lets_through([one], DATA) is expected


scalars = st.one_of(st.text(max_size=3), st.booleans(), st.integers(-5, 5))
documents = st.recursive(scalars, lambda inner: st.dictionaries(segments, inner, max_size=3))
filters = st.lists(
    st.one_of(
        st.builds(DataFilter, path=segments.map("$.{}".format), equals=scalars),
        st.builds(DataFilter, path=segments.map("$.{}".format), prefix=st.text(max_size=2)),
    ),
    max_size=4,
)


@given(filters, documents)
def test_every_filter_must_let_it_through(given_filters: list[DataFilter], data: Json) -> None:
    alone = [lets_through([one], data) for one in given_filters]

    assert lets_through(given_filters, data) is all(alone)


@given(scalars, st.lists(segments, min_size=1, max_size=4))
def test_a_member_equals_itself_wherever_it_stands(
    value: str | bool | int, names: list[str]
) -> None:
    data: Json = value
    for name in reversed(names):
        data = {name: data}

    assert lets_through([DataFilter(path=".".join(["$", *names]), equals=value)], data)


@given(st.text("ab/", max_size=6), st.text("ab/", max_size=4), st.text("ab/", max_size=3))
def test_a_longer_prefix_lets_through_less(subject: str, prefix: str, more: str) -> None:
    assert is_below(subject, prefix) or not is_below(subject, f"{prefix}/{more}")
