"""The rules of subscriptions: kept on disk, compiled in memory.

A configuration says with which rules a subscription begins. Rules added and removed later outlast restarts: what is
stored is replaced only when the configuration's own rules are others than those that were last stored.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from shared.errors import (
    ConfigurationError,
    ConflictError,
    InvalidFilterError,
    NotFoundError,
    PermanentError,
)
from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.compiled_rules import CompiledRule, Copy, Sample, compile_rule
from shared.messaging.embedded.encoding import pack, unpack
from shared.messaging.embedded.envelope import Envelope
from shared.messaging.embedded.namespace import MAX_NAME, Namespace, Target
from shared.messaging.filters import compile_filter
from shared.messaging.filters.parser import parse_action
from shared.messaging.rules import (
    CorrelationFilter,
    FalseFilter,
    Filter,
    RuleDescription,
    SqlFilter,
    TrueFilter,
)
from shared.sql.database import Transaction

MAX_SQL_FILTERS = 2000
MAX_CORRELATION_FILTERS = 100_000
KINDS: dict[str, type[Filter]] = {
    "true": TrueFilter,
    "false": FalseFilter,
    "sql": SqlFilter,
    "correlation": CorrelationFilter,
}
Compiled = dict[str, CompiledRule]
"""Of one subscription, by the name in lower case."""


class SubscriptionRules:
    """Used on the event loop, where transactions run; there is one broker for a file.

    Raises:
        ConfigurationError: a configured rule is one that could not be added.
    """

    def __init__(self, namespace: Namespace, new_id: Callable[[], UUID]) -> None:
        for path, subscription in namespace.subscriptions.items():
            check_configured(path, subscription.rules)
        self._namespace = namespace
        self._new_id = new_id
        self._compiled: dict[str, Compiled] | None = None

    def copies(self, tx: Transaction, target: Target, envelope: Envelope) -> Iterator[Copy]:
        """Return what the topic's subscriptions get."""
        compiled = self.load(tx)
        sample = Sample(envelope)
        for source in target.sources:
            rules = compiled[source.path].values()
            plain = [one for one in rules if one.act is None]
            if any(one.takes_all for one in plain) or any(map(sample.is_matched, plain)):
                yield Copy(source, envelope)
            for one in rules:
                if one.act is not None and sample.is_matched(one):
                    yield sample.copy(source, one.act)

    def count(self, tx: Transaction, target: Target) -> int:
        compiled = self.load(tx)
        return sum(len(compiled[source.path]) for source in target.sources)

    def load(self, tx: Transaction) -> dict[str, Compiled]:
        """Bring the stored rules up to the configuration, and return all."""
        if self._compiled is not None:
            return self._compiled
        compiled = {}
        for path, subscription in self._namespace.subscriptions.items():
            self._configure(tx, path, subscription.rules)
            compiled[path] = {
                rule.name.lower(): compile_rule(rule, self._new_id) for rule in stored(tx, path)
            }
        tx.on_commit(partial(self._keep, compiled))
        return compiled

    def of(self, tx: Transaction, path: str) -> list[RuleDescription]:
        self.load(tx)
        return stored(tx, path)

    def add(self, tx: Transaction, path: str, rule: RuleDescription) -> None:
        """Raises InvalidFilterError, ConflictError and PermanentError."""
        check_name(rule)
        compiled = compile_rule(rule, self._new_id)
        self._check_count(tx, path, rule)
        row = (path, rule.name, encode_rule(rule))
        if tx.driver.execute(sql.ADD_RULE, row).rowcount != 1:
            raise ConflictError(
                f"{path!r} has a rule {rule.name!r}", code="MessagingEntityAlreadyExists"
            )
        tx.on_commit(partial(self._added, path, compiled))

    def remove(self, tx: Transaction, path: str, name: str) -> None:
        """Raises NotFoundError."""
        self.load(tx)
        if tx.driver.execute(sql.REMOVE_RULE, (path, name)).rowcount != 1:
            raise NotFoundError(f"{path!r} has no rule {name!r}", code="MessagingEntityNotFound")
        tx.on_commit(partial(self._removed, path, name))

    def _configure(self, tx: Transaction, path: str, rules: Sequence[RuleDescription]) -> None:
        configured = json.dumps([(rule.name, encode_rule(rule)) for rule in rules])
        if tx.driver.execute(sql.CONFIGURED, (path,)).fetchall() == [(configured,)]:
            return
        tx.driver.execute(sql.CONFIGURE, (path, configured))
        tx.driver.execute(sql.REMOVE_RULES, (path,))
        for rule in rules:
            tx.driver.execute(sql.ADD_RULE, (path, rule.name, encode_rule(rule)))

    def _check_count(self, tx: Transaction, path: str, rule: RuleDescription) -> None:
        is_correlation = isinstance(rule.filter, CorrelationFilter)
        allowed = MAX_CORRELATION_FILTERS if is_correlation else MAX_SQL_FILTERS
        topic = self._namespace.sources[path].owner
        compiled = self.load(tx)
        present = sum(
            isinstance(other.rule.filter, CorrelationFilter) is is_correlation
            for source in self._namespace.targets[topic].sources
            for other in compiled[source.path].values()
        )
        if present >= allowed:
            raise PermanentError(
                f"{topic!r} has {present} rules of this kind; at most {allowed} are allowed",
                code="InvalidOperation",
            )

    def _keep(self, compiled: dict[str, Compiled]) -> None:
        self._compiled = compiled

    def _added(self, path: str, compiled: CompiledRule) -> None:
        if self._compiled is not None:
            self._compiled[path][compiled.rule.name.lower()] = compiled

    def _removed(self, path: str, name: str) -> None:
        if self._compiled is not None:
            self._compiled[path].pop(name.lower(), None)


def check_name(rule: RuleDescription) -> None:
    """Raises PermanentError when no rule can have that name."""
    if not 0 < len(rule.name) <= MAX_NAME:
        raise PermanentError(
            f"the rule's name has {len(rule.name)} characters; 1 to {MAX_NAME} are allowed",
            code="ArgumentError",
        )


def check_configured(path: str, rules: Sequence[RuleDescription]) -> None:
    names = [rule.name.lower() for rule in rules]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{path!r} has two rules of one name")
    for rule in rules:
        try:
            check_name(rule)
            compile_filter(rule.filter)
            if rule.action is not None:
                parse_action(rule.action)
        except (InvalidFilterError, PermanentError) as error:
            raise ConfigurationError(f"rule {rule.name!r} of {path!r}: {error}") from error


def stored(tx: Transaction, path: str) -> list[RuleDescription]:
    rows = tx.driver.execute(sql.RULES, (path,)).fetchall()
    return [decode_rule(name, text) for name, text in rows]


def encode_rule(rule: RuleDescription) -> str:
    """Return JSON that `decode_rule` reads, all but the name; the same rule gives the same text."""
    one = rule.filter
    document: dict[str, Any] = {
        name: value for name in one.__slots__ if (value := getattr(one, name)) is not None
    }
    if isinstance(one, CorrelationFilter):
        document["properties"] = {name: pack(value) for name, value in one.properties.items()}
    if rule.action is not None:
        document["action"] = rule.action
    kind = next(name for name, kind in KINDS.items() if isinstance(one, kind))
    return json.dumps({"kind": kind, **document}, sort_keys=True)


def decode_rule(name: str, text: str) -> RuleDescription:
    document: dict[str, Any] = json.loads(text)
    kind = KINDS[document.pop("kind")]
    action: str | None = document.pop("action", None)
    properties: Mapping[str, Any] | None = document.pop("properties", None)
    if properties is not None:
        document["properties"] = {key: unpack(value) for key, value in properties.items()}
    return RuleDescription(name, kind(**document), action)
