import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.event_types import EventType
from shared.events.filters import (
    DataFilter,
    fault_of_type_filter,
    filter_keys,
    is_below,
    is_data_path,
    lets_through,
)
from shared.wire.json_types import Json


@pytest.mark.parametrize("text", ["*", "tocsin.*", "tocsin.operation.*", "tocsin.operation.failed"])
def test_types_and_their_whole_prefixes_are_filters(text: str) -> None:
    assert fault_of_type_filter(text) is None


@pytest.mark.parametrize(
    "text",
    ["", ".", "**", "tocsin", "tocsin.job", "tocsin.op*", "*.failed", "tocsin.*.failed", "a.*"]
    + ["tocsin.job.*\n", "Tocsin.*", "tocsin.jobs.*", "t" * 1025],
)
def test_p10_what_no_event_passes_is_a_fault(text: str) -> None:
    fault = fault_of_type_filter(text)

    assert fault is not None
    assert len(fault) < 500


def test_a_fault_names_what_there_is_nearby() -> None:
    assert (
        fault_of_type_filter("tocsin.attempt.suceeded") == "must be a type of ours or a prefix of"
        " some: tocsin.attempt.*, tocsin.attempt.failed, tocsin.attempt.succeeded"
    )
    assert "tocsin.job.*," in str(fault_of_type_filter("nope"))


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


@given(st.sampled_from(EventType))
def test_every_key_of_a_type_is_a_filter(event_type: EventType) -> None:
    assert all(fault_of_type_filter(key) is None for key in filter_keys(event_type))


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
