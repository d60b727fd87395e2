"""What a SQL filter or action says, as a tree.

`[NOT] IN`, `[NOT] LIKE` and `IS [NOT] NULL` are a Negation of the plain form.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; None is NULL."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class SystemProperty:
    """`sys.name`, in lower case."""

    name: str


@dataclass(frozen=True, slots=True)
class UserProperty:
    """`user.name` or `name`: an application property."""

    name: str


@dataclass(frozen=True, slots=True)
class NamedProperty:
    """`property(name)`: the application property whose name the expression gives."""

    name: Expression


@dataclass(frozen=True, slots=True)
class NewIdCall:
    """`newid()`."""


@dataclass(frozen=True, slots=True)
class Negative:
    """`-operand`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Positive:
    """`+operand`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operators that bind equally, from left to right: flat, so that long sums are not deep."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """`AND`."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`OR`."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """`NOT`."""

    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Comparison:
    """One of `= <> > >= < <=`; `!=` is `<>`."""

    left: Expression
    operator: str
    right: Expression


@dataclass(frozen=True, slots=True)
class Membership:
    """`operand IN (choices)`."""

    operand: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """`operand LIKE pattern [ESCAPE escape]`."""

    operand: Expression
    pattern: Expression
    escape: Expression | None


@dataclass(frozen=True, slots=True)
class NullCheck:
    """`property IS NULL`: it is missing, or null."""

    property: Property


@dataclass(frozen=True, slots=True)
class Existence:
    """`EXISTS(property)`: it is there, though it may be null."""

    property: Property


@dataclass(frozen=True, slots=True)
class Assignment:
    """`SET property = value`, in an action."""

    property: Property
    value: Expression


@dataclass(frozen=True, slots=True)
class Removal:
    """`REMOVE property`, in an action."""

    property: Property


Property = SystemProperty | UserProperty
Expression = Constant | Property | NamedProperty | NewIdCall | Negative | Positive | Arithmetic
Predicate = AllOf | AnyOf | Negation | Comparison | Membership | Likeness | NullCheck | Existence
Node = Expression | Predicate
Statement = Assignment | Removal
