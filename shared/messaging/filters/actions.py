"""A rule's action as a function of the message."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias, assert_never
from uuid import UUID

from shared.messaging.filters.conversion import MAX_ID, converted, text_of
from shared.messaging.filters.evaluation import compile_expression, find
from shared.messaging.filters.operators import MAX_TEXT, NewId
from shared.messaging.filters.parser import parse_action
from shared.messaging.filters.syntax import (
    Assignment,
    Expression,
    Removal,
    Statement,
    SystemProperty,
)
from shared.messaging.filters.system_properties import SETTABLE
from shared.messaging.message import Message, PropertyValue

Properties: TypeAlias = dict[str, PropertyValue]
Step: TypeAlias = Callable[[Message, Properties], Message]
Reader: TypeAlias = Callable[[Message], PropertyValue]
IDS = frozenset({"message_id", "session_id"})


def compile_action(text: str, new_id: Callable[[], UUID]) -> Callable[[Message], Message]:
    """Return what changes a message as the action says, statement by statement; that never raises.

    What is unknown sets null; so does, in a system property, what is no text or a longer one than it may have.

    Raises:
        InvalidFilterError: it says where in the action, what was found there and what was expected.
    """
    steps = [_step(statement, new_id) for statement in parse_action(text)]

    def act(message: Message) -> Message:
        properties = dict(message.application_properties)
        changed = replace(message, application_properties=properties)
        for step in steps:
            changed = step(changed, properties)
        return changed

    return act


def _step(statement: Statement, new_id: Callable[[], UUID]) -> Step:
    match statement:
        case Assignment(SystemProperty(name), value):
            return _set_system(SETTABLE[name], _reader(value, new_id))
        case Removal(SystemProperty(name)):
            return _set_system(SETTABLE[name], lambda message: None)
        case Assignment(property, value):
            return _set(property.name, _reader(value, new_id))
        case Removal(property):
            return _remove(property.name)
        case _:
            assert_never(statement)


def _reader(expression: Expression, new_id: Callable[[], UUID]) -> Reader:
    read = compile_expression(expression)

    def value(message: Message) -> PropertyValue:
        found = read(message)
        return new_id() if isinstance(found, NewId) else found

    return value


def _set_system(field: str, read: Reader) -> Step:
    longest = MAX_ID if field in IDS else MAX_TEXT

    def step(message: Message, properties: Properties) -> Message:
        change: dict[str, Any] = {field: text_of(read(message), longest=longest)}
        return replace(message, **change)

    return step


def _set(name: str, read: Reader) -> Step:
    def step(message: Message, properties: Properties) -> Message:
        found = find(properties, name) or name
        properties[found] = converted(read(message), properties.get(found))
        return message

    return step


def _remove(name: str) -> Step:
    def step(message: Message, properties: Properties) -> Message:
        properties.pop(find(properties, name) or name, None)
        return message

    return step
