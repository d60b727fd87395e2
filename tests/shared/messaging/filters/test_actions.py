"""What a rule's action makes of a message."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidFilterError
from shared.messaging.filters import compile_action
from shared.messaging.filters.system_properties import SETTABLE, SETTABLE_SPELLED
from shared.messaging.message import NO_PROPERTIES, Message, PropertyValue
from tests.shared.messaging.filters.trees import expressions, messages, printed

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "embedded-broker.md"
ID = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")
WORDS = (
    *("SET", "set", "REMOVE", "Remove", ";", ",", "=", "a", "sys.To", "sys.Label", "user.x"),
    *("1", "2.5", "'text'", "NULL", "newid()", "p('a')", "+", "*", "(", ")", "[b c]", "\n", ""),
)


def acted(
    text: str, properties: Mapping[str, PropertyValue] = NO_PROPERTIES, **members: Any
) -> Message:
    message = Message(body=b"body", application_properties=properties, **members)
    return compile_action(text, lambda: ID)(message)


def made(
    text: str, properties: Mapping[str, PropertyValue] = NO_PROPERTIES, **members: Any
) -> Mapping[str, PropertyValue]:
    return acted(text, properties, **members).application_properties


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("SET b = 1", {"a": 5, "b": 1}),
        ("set user.b = 'x';", {"a": 5, "b": "x"}),
        ("SET [a b] = a * 2 + 1", {"a": 5, "a b": 11}),
        ("SET b = p('A')", {"a": 5, "b": 5}),
        ("SET b = newid()", {"a": 5, "b": ID}),
        ("SET b = sys.Label", {"a": 5, "b": "s"}),
        ("SET b = missing + 1", {"a": 5, "b": None}),
        ("SET b = a / 0", {"a": 5, "b": None}),
        ("SET a = NULL", {"a": None}),
        ("SET A = 6", {"a": 6}),
        ("REMOVE A", {}),
        ("REMOVE missing", {"a": 5}),
        ("SET a = a + 1; SET b = a", {"a": 6, "b": 6}),
        ("SET b = a\nREMOVE a", {"b": 5}),
        ("SET b = a, SET c = b;, REMOVE a", {"b": 5, "c": 5}),
        ("SET remove = 1 REMOVE remove SET set = set", {"a": 5, "set": None}),
    ],
    ids=repr,
)
def test_statements_change_application_properties_one_after_the_other(
    text: str, properties: Mapping[str, PropertyValue]
) -> None:
    message = acted(text, {"a": 5}, subject="s")

    assert message == Message(body=b"body", subject="s", application_properties=properties)


@pytest.mark.parametrize(("name", "member"), SETTABLE.items())
def test_system_properties_are_set_and_removed(name: str, member: str) -> None:
    old: dict[str, Any] = {member: "old"}
    new: dict[str, Any] = {member: "Entity"}

    assert acted(f"SET sys.{name.upper()} = 'Entity'", **old) == Message(body=b"body", **new)
    assert acted(f"REMOVE sys.{name}", **old) == Message(body=b"body")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1 + 1", "2"),
        ("TRUE", "True"),
        ("1.5", "1.5"),
        ("newid()", str(ID)),
        ("missing", None),
        ("octets", None),
        ("half", None),
    ],
)
def test_system_properties_are_text_or_nothing(value: str, text: str | None) -> None:
    message = acted(f"SET sys.To = {value}", {"octets": b"x", "half": "\ud800"}, to="old")

    assert message.to == text


@pytest.mark.parametrize(
    ("name", "most"), [("SessionId", 128), ("MessageId", 128), ("Label", 32 * 1024)]
)
def test_text_that_is_too_long_is_none(name: str, most: int) -> None:
    text = f"SET sys.{name} = a"
    member = SETTABLE[name.lower()]

    assert getattr(acted(text, {"a": "x" * most}), member) == "x" * most
    assert getattr(acted(text, {"a": "x" * (most + 1)}), member) is None


def test_texts_do_not_double_without_end() -> None:
    properties = made("SET a = a + a " * 70, {"a": "x"})

    assert properties == {"a": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "position 1: found the end, expected SET or REMOVE"),
        ("a = 1", "position 1: found a, expected SET or REMOVE"),
        ("SET a", "position 6: found the end, expected ="),
        ("SET a = ", "position 9: found the end, expected a value or a property"),
        ("SET a = (b = 1)", "position 9: found (, expected a value or a property, not a compariso"),
        ("SET a = 1 b = 2", "position 11: found b, expected SET or REMOVE"),
        ("SET a = 1,", "position 11: found the end, expected SET or REMOVE"),
        ("SET a = 1;;", "position 11: found ;, expected SET or REMOVE"),
        ("SET 'a' = 1", "position 5: found 'a', expected the name of a property"),
        ("SET p('a') = 1", "position 6: found (, expected ="),
        ("REMOVE", "position 7: found the end, expected the name of a property"),
        (
            "SET sys.PartitionKey = 'a'",
            "position 5: found sys, expected a system property that act",
        ),
        (
            "REMOVE sys.Nothing",
            "position 12: found Nothing, expected a system property that filter",
        ),
        ("SET a = sys.Nothing", "position 13: found Nothing, expected a system property"),
        (f"SET a = '{'x' * 1015}'", "has 1025 characters, more than 1024"),
    ],
    ids=lambda text: text[:20],
)
def test_a_text_that_is_no_action_is_refused_where_it_goes_wrong(text: str, message: str) -> None:
    with pytest.raises(InvalidFilterError) as raised:
        compile_action(text, lambda: ID)

    assert raised.value.message.startswith(message)


def test_an_action_may_be_as_long_as_is_allowed() -> None:
    assert made(f"SET a = '{'x' * 1014}'") == {"a": "x" * 1014}


def test_the_examples_in_the_reference_are_actions_and_all_that_can_be_set_is_named_there() -> None:
    page = REFERENCE.read_text().partition("### SQL actions")[2].partition("## Config.json")[0]
    examples = page.partition("```sql\n")[2].partition("```")[0].splitlines()

    actions = [compile_action(example, lambda: ID) for example in examples]

    assert len(actions) > 3
    assert f"can be set are\n{SETTABLE_SPELLED.replace(' or', ' and')}." in page
    assert {name.lower() for name in SETTABLE_SPELLED.replace(" or", ",").split(", ")} == (
        SETTABLE.keys()
    )


@given(st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join), messages())
def test_any_text_is_refused_or_makes_a_message_of_any_message(text: str, message: Message) -> None:
    before = repr(message)
    try:
        act = compile_action(text, lambda: ID)
    except InvalidFilterError:
        return

    assert act(message).body == message.body
    assert repr(message) == before


@given(expressions().map(printed).filter(lambda text: len(text) < 1000), messages())
def test_a_property_that_is_set_and_removed_is_gone_and_the_others_are_there(
    value: str, message: Message
) -> None:
    act = compile_action(f"SET [new one] = {value} REMOVE [new one]", lambda: ID)

    assert repr(act(message)) == repr(
        replace(message, application_properties=dict(message.application_properties))
    )
