"""What a management node does with a subscription's rules (facts §1, "$management").

The descriptors are those of Service Bus' own schema; its filters have one hexadecimal digit less than its rules
(`FILTERS` and `RULES` are what the SDKs compare with).
"""

from typing import Any

from shared.errors import Fault, InvalidRequestError
from shared.messaging.amqp.codec.property_values import plain_properties
from shared.messaging.amqp.codec.values import Described, Timestamp, ULong
from shared.messaging.amqp.nodes.managed_entity import NO_CONTENT, Answer, ManagedEntity, Operation
from shared.messaging.amqp.nodes.requests import Arguments, Request, application_properties
from shared.messaging.rules import (
    CorrelationFilter,
    FalseFilter,
    Filter,
    RuleDescription,
    SqlFilter,
    TrueFilter,
)

RULES = 0x13700000000
FILTERS = 0x1370000000

RULE = ULong(RULES + 4)
NO_ACTION = ULong(RULES + 5)
SQL_ACTION = ULong(RULES + 6)
SQL_FILTER = ULong(FILTERS + 6)
TRUE_FILTER = ULong(FILTERS + 7)
FALSE_FILTER = ULong(FILTERS + 8)
CORRELATION_FILTER = ULong(FILTERS + 9)

# The names of a correlation filter's values in a request, in the order that they have in an answer.
_CORRELATION_FIELDS = {
    "correlation-id": "correlation_id",
    "message-id": "message_id",
    "to": "to",
    "reply-to": "reply_to",
    "label": "subject",
    "session-id": "session_id",
    "reply-to-session-id": "reply_to_session_id",
    "content-type": "content_type",
}


async def add_rule(entity: ManagedEntity, request: Request) -> Answer:
    arguments = request.arguments
    description = arguments.optional_map("rule-description")
    if description is None:
        raise InvalidRequestError([Fault("rule-description", "must be a map")])
    name = arguments.text("rule-name")
    rule = RuleDescription(name, read_filter(description), read_action(description))
    await entity.core.add_rule(entity.path, rule)
    return Answer({})


async def remove_rule(entity: ManagedEntity, request: Request) -> Answer:
    await entity.core.remove_rule(entity.path, request.arguments.text("rule-name"))
    return Answer({})


async def enumerate_rules(entity: ManagedEntity, request: Request) -> Answer:
    arguments = request.arguments
    skip, top = arguments.count("skip"), arguments.count("top")
    rules = (await entity.core.rules(entity.path))[skip : skip + top]
    if not rules:
        return Answer(status=NO_CONTENT)
    return Answer({"rules": [{"rule-description": write_rule(rule)} for rule in rules]})


def read_filter(description: Arguments) -> Filter:
    """Read the filter of a rule that is to be added. Raises InvalidRequestError."""
    sql = description.optional_map("sql-filter")
    if sql is not None:
        return SqlFilter(sql.text("expression"))
    correlation = description.optional_map("correlation-filter")
    if correlation is not None:
        return _read_correlation(correlation)
    if "true-filter" in description.values:
        return TrueFilter()
    if "false-filter" in description.values:
        return FalseFilter()
    raise InvalidRequestError(
        [Fault("rule-description", "has neither sql- nor correlation-filter")]
    )


def read_action(description: Arguments) -> str | None:
    """Read the action of a rule that is to be added; one without text is none. Raises InvalidRequestError."""
    action = description.optional_map("sql-rule-action")
    return None if action is None else action.optional_text("expression") or None


def _read_correlation(values: Arguments) -> CorrelationFilter:
    fields = {field: values.optional_text(name) for name, field in _CORRELATION_FIELDS.items()}
    properties = values.optional_map("properties")
    asked = {} if properties is None else application_properties("properties", properties.values)
    return CorrelationFilter(**fields, properties=plain_properties(asked))


def write_rule(rule: RuleDescription) -> Described:
    """Return filter, action, name and time of creation (which nobody keeps: the epoch)."""
    fields = [_write_filter(rule.filter), _write_action(rule.action), rule.name, Timestamp(0)]
    return Described(RULE, fields)


def _write_action(action: str | None) -> Described:
    return Described(NO_ACTION, []) if action is None else Described(SQL_ACTION, [action])


def _write_filter(rule_filter: Filter) -> Described:
    match rule_filter:
        case TrueFilter():
            return Described(TRUE_FILTER, [])
        case FalseFilter():
            return Described(FALSE_FILTER, [])
        case SqlFilter(expression):
            return Described(SQL_FILTER, [expression])
        case CorrelationFilter():
            fields: list[Any] = [
                getattr(rule_filter, name) for name in _CORRELATION_FIELDS.values()
            ]
            return Described(CORRELATION_FILTER, [*fields, dict(rule_filter.properties)])


RULE_OPERATIONS: dict[str, Operation] = {
    "com.microsoft:add-rule": add_rule,
    "com.microsoft:remove-rule": remove_rule,
    "com.microsoft:enumerate-rules": enumerate_rules,
}
