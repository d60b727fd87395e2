"""Rules, compiled: which messages they let through, and what their actions make of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from shared.errors import MalformedFrameError, MessageSizeExceededError
from shared.messaging.embedded.encoding import check_properties, encode, message_of
from shared.messaging.embedded.envelope import Envelope, Form
from shared.messaging.embedded.namespace import Source
from shared.messaging.filters import compile_action, compile_filter
from shared.messaging.message import Message
from shared.messaging.rules import RuleDescription, TrueFilter

UNREADABLE = Message(body=b"")
RULE_NAME = "RuleName"
"""The application property that says which rule's action made the copy («Topic filters and actions»)."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """`act` is None for a rule without an action."""

    rule: RuleDescription
    matches: Callable[[Message], bool]
    act: Callable[[Message], Message] | None

    @property
    def takes_all(self) -> bool:
        return isinstance(self.rule.filter, TrueFilter)


def compile_rule(rule: RuleDescription, new_id: Callable[[], UUID]) -> CompiledRule:
    """Raises InvalidFilterError."""
    matches = compile_filter(rule.filter)
    if rule.action is None:
        return CompiledRule(rule, matches, None)
    act = compile_action(rule.action, new_id)
    marked = {RULE_NAME: rule.name}

    def act_and_mark(message: Message) -> Message:
        changed = act(message)
        properties = {**changed.application_properties, **marked}
        return replace(changed, application_properties=properties)

    return CompiledRule(rule, matches, act_and_mark)


@dataclass(frozen=True, slots=True)
class Copy:
    """What a subscription gets; with `fault`, the reason, as a dead letter."""

    source: Source
    envelope: Envelope
    fault: str | None = None


class Sample:
    """What rules look at, decoded once the first of them looks; of a message whose sections are none it is nothing."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._message: Message | None = None

    def is_matched(self, rule: CompiledRule) -> bool:
        return rule.matches(self._decoded())

    def copy(self, source: Source, act: Callable[[Message], Message]) -> Copy:
        message = self._decoded()
        if message is UNREADABLE:
            return Copy(source, self._envelope)
        try:
            return Copy(source, changed(self._envelope, message, act(message)))
        except MessageSizeExceededError as error:
            return Copy(source, self._envelope, fault=error.message)

    def _decoded(self) -> Message:
        if self._message is None:
            try:
                self._message = message_of(self._envelope)
            except MalformedFrameError:
                self._message = UNREADABLE
        return self._message


def changed(envelope: Envelope, before: Message, after: Message) -> Envelope:
    """Return the envelope of `before` as that of `after`.

    Raises MessageSizeExceededError when its application properties have become too large.
    """
    if envelope.form is Form.PORT:
        return replace(encode(after), due=envelope.due, time_to_live=envelope.time_to_live)
    # Not needed by whoever never talks AMQP.
    from shared.messaging.amqp.codec.changes import with_changes

    check_properties(after.application_properties)
    payload = with_changes(envelope.payload, before, after)
    return replace(
        envelope,
        payload=payload,
        size=envelope.size + len(payload) - len(envelope.payload),
        message_id=after.message_id,
        session_id=after.session_id,
    )
