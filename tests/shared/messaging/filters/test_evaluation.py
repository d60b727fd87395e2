"""What SQL filters say of messages: the documented examples, then the laws of three-valued logic."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.filters.evaluation import Truth, compile_predicate
from shared.messaging.filters.parser import parse
from shared.messaging.filters.syntax import (
    AllOf,
    AnyOf,
    Comparison,
    Expression,
    Membership,
    Negation,
    Predicate,
)
from shared.messaging.message import NO_PROPERTIES, Message, PropertyValue
from tests.shared.messaging.filters.trees import expressions, messages, predicates

T, F, U = "1=1", "1=0", "missing=1"
VALUES = {T: True, F: False, U: None}
STORE = {"StoreId": "Store2"}
CLAIM = "http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName"


def truth(
    text: str, properties: Mapping[str, PropertyValue] = NO_PROPERTIES, **members: Any
) -> Truth:
    message = Message(body=b"", application_properties=properties, **members)
    return compile_predicate(parse(text))(message)


@pytest.mark.parametrize(
    ("text", "members", "properties", "expected"),
    [
        ("sys.label LIKE '%bus%'", {"subject": "a bus"}, {}, True),
        ("sys.Label LIKE '%bus%'", {"subject": "A BUS"}, {}, False),
        ("sys.messageid = 'xxxx'", {"message_id": "xxxx"}, {}, True),
        ("sys.correlationid like 'abc-%'", {"correlation_id": "abc-1"}, {}, True),
        ("sys.replyTo like '%Ada%' AND u = 'v'", {"reply_to": "q/Ada"}, {"u": "v"}, True),
        ("MessageProperty = 'A'", {}, {"messageproperty": "A"}, True),
        ("user.SuperHero like 'SuperMan%'", {}, {"SuperHero": "SuperMan 2"}, True),
        (f"\"{CLAIM}\" = 'account'", {}, {CLAIM: "account"}, True),
        ("MessageProperty > 1", {}, {"MessageProperty": 2}, True),
        ("MessageProperty > 2.08", {}, {"MessageProperty": 2}, False),
        ("MessageProperty = 1 AND MessageProperty2 = 3", {}, {"MessageProperty": 1}, None),
        ("MessageProperty = 1 OR MessageProperty2 = 3", {}, {"MessageProperty": 1}, True),
        ("StoreId IN('Store1', 'Store2', 'Store3')", {}, STORE, True),
        ("sys.To IN ('Store5','Store6') OR StoreId = 'Store8'", {"to": "Store6"}, {}, True),
        ("sys.To NOT IN ('Store5') OR StoreId NOT IN ('Store2')", {"to": "Store5"}, STORE, False),
        ("color='blue' AND quantity=10", {}, {"color": "blue", "quantity": 10}, True),
        ("color='blue' AND quantity=10", {}, {"color": "blue", "quantity": "10"}, None),
        ("p LIKE 'ABC\\%' ESCAPE '\\'", {}, {"p": "ABC%"}, True),
        ("p LIKE 'ABC\\%' ESCAPE '\\'", {}, {"p": "ABCD"}, False),
        ("NOT EXISTS(user.ignore) OR user.ignore NOT LIKE 'true'", {}, {}, True),
        ("NOT EXISTS(user.ignore) OR user.ignore NOT LIKE 'true'", {}, {"ignore": "true"}, False),
        ("a - b = 80", {}, {"a": 100, "b": 20}, True),
    ],
)
def test_documented_examples(
    text: str, members: dict[str, Any], properties: dict[str, PropertyValue], expected: Truth
) -> None:
    assert truth(text, properties, **members) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a IS NULL", False),
        ("a IS NOT NULL", True),
        ("nothing IS NULL", True),
        ("missing IS NULL", True),
        ("EXISTS(nothing)", True),
        ("EXISTS(missing)", False),
        ("sys.To IS NULL", True),
        ("EXISTS(sys.To)", False),
        ("EXISTS(sys.Label)", True),
        ("a = NULL", None),
        ("nothing = NULL", None),
        ("a IN (NULL, 1)", True),
        ("a IN (NULL, 2)", None),
        ("a IN (2, 3)", False),
        ("a NOT IN (NULL, 1)", False),
        ("missing IN (1)", None),
        ("missing NOT IN (1)", None),
        ("missing LIKE '%'", None),
        ("'x' LIKE missing", None),
        ("'x' LIKE 'x' ESCAPE missing", None),
        ("'x' LIKE 'x' ESCAPE text", None),
        ("'x!' LIKE 'x!' ESCAPE '!'", None),
        ("a LIKE '1'", None),
        ("missing + 1 = 1", None),
        ("-missing = 1", None),
        ("flag = TRUE", True),
        ("flag > FALSE", None),
        ("flag = 1", None),
        ("property('a') = 1", True),
        ("p('TE' + 'XT') = 'text'", True),
        ("p(a) = 1", None),
        ("p(p('name')) = 1", True),
        ("newid() = newid()", False),
        ("newid() <> id", True),
        ("sys.ScheduledEnqueueTimeUtc = at", True),
        ("A = 1 AND a = 1", True),
        ("twice = 1", True),
        ("Twice = 2", True),
    ],
)
def test_what_is_unknown_missing_or_odd(text: str, expected: Truth) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    properties: dict[str, PropertyValue] = {
        **{"a": 1, "text": "text", "flag": True, "nothing": None, "name": "A", "at": noon},
        **{"id": UUID(int=1), "twice": 1, "Twice": 2},
    }

    assert truth(text, properties, subject="s", scheduled_enqueue_time=noon) is expected


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("ContentType", "content_type"),
        ("CorrelationId", "correlation_id"),
        ("Label", "subject"),
        ("MessageId", "message_id"),
        ("PartitionKey", "partition_key"),
        ("ReplyTo", "reply_to"),
        ("ReplyToSessionId", "reply_to_session_id"),
        ("SessionId", "session_id"),
        ("Subject", "subject"),
        ("To", "to"),
    ],
)
def test_system_properties(name: str, member: str) -> None:
    assert truth(f"sys.{name} = 'x'", {name: "y"}, **{member: "x"}) is True
    assert truth(f"{name} = 'y'", {name: "y"}, **{member: "x"}) is True


@pytest.mark.parametrize("left", VALUES)
@pytest.mark.parametrize("right", VALUES)
def test_the_tables_of_and_or_and_not(left: str, right: str) -> None:
    known = {VALUES[left], VALUES[right]}

    assert truth(f"{left} AND {right}") is (
        False if False in known else None if None in known else True
    )
    assert truth(f"{left} OR {right}") is (
        True if True in known else None if None in known else False
    )
    assert truth(f"NOT {left}") is {True: False, False: True, None: None}[VALUES[left]]


def test_the_longest_and_deepest_filters_are_evaluated() -> None:
    assert truth("+".join("1" * 500) + "=500") is True
    assert truth(" AND ".join(["1=1"] * 128)) is True
    assert truth("NOT " * 32 + "1=1") is True
    assert truth("1=" + "property(" * 32 + "'a'" + ")" * 32) is None


def same(one: Predicate, other: Predicate, message: Message) -> bool:
    return compile_predicate(one)(message) is compile_predicate(other)(message)


@given(predicates(), predicates(), messages())
def test_de_morgan(left: Predicate, right: Predicate, message: Message) -> None:
    neither = AllOf((Negation(left), Negation(right)))
    not_both = AnyOf((Negation(left), Negation(right)))

    assert same(Negation(AnyOf((left, right))), neither, message)
    assert same(Negation(AllOf((left, right))), not_both, message)


@given(predicates(), predicates(), predicates(), messages())
def test_and_and_or_commute_associate_and_distribute(
    one: Predicate, two: Predicate, three: Predicate, message: Message
) -> None:
    for outer, inner in ((AllOf, AnyOf), (AnyOf, AllOf)):
        assert same(outer((one, two)), outer((two, one)), message)
        assert same(outer((one, two, three)), outer((outer((one, two)), three)), message)
        assert same(
            outer((one, inner((two, three)))),
            inner((outer((one, two)), outer((one, three)))),
            message,
        )


@given(predicates(), messages())
def test_not_twice_is_nothing_and_nothing_contradicts_itself(
    predicate: Predicate, message: Message
) -> None:
    assert same(Negation(Negation(predicate)), predicate, message)
    assert compile_predicate(AllOf((predicate, Negation(predicate))))(message) is not True
    assert compile_predicate(AnyOf((predicate, Negation(predicate))))(message) is not False


@given(expressions(), st.lists(expressions(), min_size=1, max_size=3), messages())
def test_in_is_equal_to_one_or_another(
    operand: Expression, choices: list[Expression], message: Message
) -> None:
    equal = AnyOf(tuple(Comparison(operand, "=", choice) for choice in choices))

    assert same(Membership(operand, tuple(choices)), equal, message)
