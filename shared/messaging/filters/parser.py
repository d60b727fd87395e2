"""From the text of a SQL filter or action to its tree.

The grammar is Service Bus' own (learn.microsoft.com, «Subscription Rule SQL Filter Syntax», «… SQL Action Syntax»), one
method a rule. Both predicates and expressions may stand in parentheses, so that they are told apart only when they have
been read.
"""

from collections.abc import Callable
from math import isinf

from shared.errors import InvalidFilterError
from shared.messaging.filters.cursor import Cursor
from shared.messaging.filters.lexer import Kind, Token
from shared.messaging.filters.syntax import (
    AllOf,
    AnyOf,
    Arithmetic,
    Assignment,
    Comparison,
    Constant,
    Existence,
    Expression,
    Likeness,
    Membership,
    NamedProperty,
    Negation,
    Negative,
    NewIdCall,
    Node,
    NullCheck,
    Positive,
    Predicate,
    Property,
    Removal,
    Statement,
    SystemProperty,
    UserProperty,
)
from shared.messaging.filters.system_properties import (
    SETTABLE,
    SETTABLE_SPELLED,
    SPELLED,
    SYSTEM_PROPERTIES,
)

MAX_LENGTH = 1024
MAX_INTEGER = 2**63 - 1
COMPARISONS = ("=", "<>", "!=", ">", ">=", "<", "<=")
LITERALS = {"TRUE": True, "FALSE": False, "NULL": None}
A_COMPARISON = "a comparison: one of = <> > >= < <= IN LIKE IS"
A_VALUE = "a value or a property"
A_NAME = "the name of a property; in [ ] if it has other characters than letters, digits and _"


def parse(text: str) -> Predicate:
    """Return what `text` says.

    Raises:
        InvalidFilterError: it is no filter, or a longer or deeper one than is allowed.
    """
    return _parser(text).whole()


def parse_action(text: str) -> tuple[Statement, ...]:
    """Return what an action says.

    Raises:
        InvalidFilterError: it is no action, or a longer or deeper one than is allowed.
    """
    return _parser(text).statements()


def _parser(text: str) -> "_Parser":
    if len(text) > MAX_LENGTH:
        raise InvalidFilterError(f"has {len(text)} characters, more than {MAX_LENGTH}")
    return _Parser(Cursor(text))


class _Parser:
    def __init__(self, words: Cursor) -> None:
        self._words = words

    def whole(self) -> Predicate:
        predicate = self._predicate(self._disjunction())
        if self._words.next.kind is not Kind.END:
            raise self._words.next.instead_of("AND, OR or the end")
        return predicate

    def statements(self) -> tuple[Statement, ...]:
        found = [self._statement()]
        while self._words.takes(",") or self._words.next.kind is not Kind.END:
            found.append(self._statement())
        return tuple(found)

    def _statement(self) -> Statement:
        word = self._words.take()
        match word.source.upper() if word.kind is Kind.WORD else None:
            case "SET":
                settable = self._settable()
                self._words.expect("=")
                statement: Statement = Assignment(settable, self._operand())
            case "REMOVE":
                statement = Removal(self._settable())
            case _:
                raise word.instead_of("SET or REMOVE")
        self._words.takes(";")
        return statement

    def _settable(self) -> Property:
        start = self._words.take()
        settable = self._property(start)
        if isinstance(settable, SystemProperty) and settable.name not in SETTABLE:
            raise start.instead_of(f"a system property that actions set: {SETTABLE_SPELLED}")
        return settable

    def _disjunction(self) -> Node:
        first = self._conjunction()
        if not self._words.is_at("OR"):
            return first
        parts = [self._predicate(first)]
        while self._words.takes("OR"):
            parts.append(self._predicate(self._conjunction()))
        return AnyOf(tuple(parts))

    def _conjunction(self) -> Node:
        first = self._negation()
        if not self._words.is_at("AND"):
            return first
        parts = [self._predicate(first)]
        while self._words.takes("AND"):
            parts.append(self._predicate(self._negation()))
        return AllOf(tuple(parts))

    def _negation(self) -> Node:
        if not self._words.takes("NOT"):
            return self._condition()
        with self._words.deeper():
            return Negation(self._predicate(self._negation()))

    def _condition(self) -> Node:
        if self._words.takes("EXISTS"):
            self._words.expect("(")
            existence = Existence(self._property(self._words.take()))
            self._words.expect(")")
            return existence
        left = self._sum()
        return left if isinstance(left, Predicate) else self._compared(left)

    def _compared(self, left: Expression) -> Node:
        if self._words.is_at(*COMPARISONS):
            operator = self._words.take().source
            return Comparison(left, "<>" if operator == "!=" else operator, self._operand())
        if self._words.is_at("IS"):
            return self._null_check(left)
        if self._words.takes("NOT"):
            return Negation(self._membership_or_likeness(left))
        if self._words.is_at("IN", "LIKE"):
            return self._membership_or_likeness(left)
        return left

    def _null_check(self, left: Expression) -> Predicate:
        if not isinstance(left, Property):
            raise self._words.next.instead_of("a comparison; IS NULL is for properties")
        self._words.expect("IS")
        is_negated = self._words.takes("NOT")
        self._words.expect("NULL")
        return Negation(NullCheck(left)) if is_negated else NullCheck(left)

    def _membership_or_likeness(self, left: Expression) -> Predicate:
        if self._words.takes("LIKE"):
            pattern = self._operand()
            return Likeness(left, pattern, self._escape() if self._words.takes("ESCAPE") else None)
        if not self._words.takes("IN"):
            raise self._words.next.instead_of("IN or LIKE")
        self._words.expect("(")
        choices = [self._operand()]
        while self._words.takes(","):
            choices.append(self._operand())
        self._words.expect(")")
        return Membership(left, tuple(choices))

    def _escape(self) -> Expression:
        start = self._words.next
        escape = self._operand()
        if isinstance(escape, Constant) and not _is_character(escape.value):
            raise start.instead_of("a text of one character")
        return escape

    def _operand(self) -> Expression:
        start = self._words.next
        return _expression(self._sum(), start)

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._chain(("*", "/", "%"), self._signed)

    def _chain(self, operators: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        first = operand()
        if isinstance(first, Predicate) or not self._words.is_at(*operators):
            return first
        rest = []
        while self._words.is_at(*operators):
            operator, start = self._words.take().source, self._words.next
            rest.append((operator, _expression(operand(), start)))
        return Arithmetic(first, tuple(rest))

    def _signed(self) -> Node:
        if not self._words.is_at("+", "-"):
            return self._primary()
        sign, start = self._words.take().source, self._words.next
        with self._words.deeper():
            operand = _expression(self._signed(), start)
        return Negative(operand) if sign == "-" else Positive(operand)

    def _primary(self) -> Node:
        word = self._words.take()
        if word.kind is Kind.SYMBOL and word.source == "(":
            return self._parenthesised()
        if word.kind is Kind.TEXT:
            return Constant(word.content)
        if word.kind is Kind.NUMBER:
            return Constant(_number(word))
        if word.kind is Kind.KEYWORD and word.content in LITERALS:
            return Constant(LITERALS[word.content])
        if word.kind is Kind.WORD and self._words.takes("("):
            return self._call(word)
        if word.kind in (Kind.WORD, Kind.NAME):
            return self._property(word)
        raise word.instead_of(A_VALUE)

    def _parenthesised(self) -> Node:
        with self._words.deeper():
            inner = self._disjunction()
        self._words.expect(")")
        return inner

    def _call(self, function: Token) -> Expression:
        with self._words.deeper():
            match function.source.lower():
                case "newid":
                    called: Expression = NewIdCall()
                case "property" | "p":
                    called = NamedProperty(self._operand())
                case _:
                    raise function.instead_of("a function: newid, property or p")
        self._words.expect(")")
        return called

    def _property(self, word: Token) -> Property:
        if word.kind is Kind.WORD and self._words.takes("."):
            return _scoped(word, self._words.take())
        return UserProperty(_name(word))

    def _predicate(self, node: Node) -> Predicate:
        if isinstance(node, Predicate):
            return node
        raise self._words.next.instead_of(A_COMPARISON)


def _expression(node: Node, start: Token) -> Expression:
    if isinstance(node, Predicate):
        raise start.instead_of(f"{A_VALUE}, not a comparison")
    return node


def _scoped(scope: Token, word: Token) -> Property:
    match scope.source.lower():
        case "user":
            return UserProperty(_name(word))
        case "sys":
            name = _name(word).lower()
            if name not in SYSTEM_PROPERTIES:
                raise word.instead_of(f"a system property that filters know: {SPELLED}")
            return SystemProperty(name)
        case _:
            raise scope.instead_of("sys or user before a point; [ ] around a name that has one")


def _name(word: Token) -> str:
    if word.kind not in (Kind.WORD, Kind.NAME):
        raise word.instead_of(A_NAME)
    return word.content


def _number(word: Token) -> int | float:
    if word.source.isdigit():
        integer = int(word.source)
        if integer > MAX_INTEGER:
            raise word.instead_of(f"an integer up to {MAX_INTEGER}")
        return integer
    number = float(word.source)
    if isinf(number):
        raise word.instead_of("a number that a double can hold")
    return number


def _is_character(value: object) -> bool:
    return isinstance(value, str) and len(value) == 1
