"""SQL filters made at random, as trees, how one is written, and messages for them."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from shared.messaging.filters.syntax import (
    AllOf,
    AnyOf,
    Arithmetic,
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
    NullCheck,
    Positive,
    Predicate,
    Property,
    SystemProperty,
    UserProperty,
)
from shared.messaging.message import Message, PropertyValue

SUMS, PRODUCTS = ("+", "-"), ("*", "/", "%")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


def printed(node: Expression | Predicate) -> str:
    """Return the text of which `node` is the tree; what has parts is in parentheses wherever it is one itself."""
    match node:
        case Constant(value):
            return literal(value)
        case SystemProperty(name):
            return f"sys.{name}"
        case UserProperty(name):
            return f"[{name.replace(']', ']]')}]"
        case NamedProperty(named):
            return f"property({printed(named)})"
        case NewIdCall():
            return "newid()"
        case Negative(operand):
            return f"-{part(operand)}"
        case Positive(operand):
            return f"+{part(operand)}"
        case Arithmetic(first, rest):
            return part(first) + "".join(f" {sign} {part(operand)}" for sign, operand in rest)
        case _:
            return printed_predicate(node)


def printed_predicate(predicate: Predicate) -> str:
    match predicate:
        case AllOf(parts):
            return " AND ".join(map(part, parts))
        case AnyOf(parts):
            return " OR ".join(map(part, parts))
        case Negation(negated):
            return f"NOT {part(negated)}"
        case Comparison(left, operator, right):
            return f"{part(left)} {operator} {part(right)}"
        case Membership(operand, choices):
            return f"{part(operand)} IN ({', '.join(map(part, choices))})"
        case Likeness(operand, pattern, escape):
            ending = "" if escape is None else f" ESCAPE {part(escape)}"
            return f"{part(operand)} LIKE {part(pattern)}{ending}"
        case NullCheck(checked):
            return f"{printed(checked)} IS NULL"
        case Existence(checked):
            return f"EXISTS({printed(checked)})"


def part(node: Expression | Predicate) -> str:
    is_one_word = isinstance(node, Constant | SystemProperty | UserProperty | NewIdCall)
    return printed(node) if is_one_word else f"({printed(node)})"


def literal(value: str | float | bool | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return f"'{value.replace(chr(39), chr(39) * 2)}'"
    return str(value).upper()


def properties() -> st.SearchStrategy[Property]:
    return st.one_of(
        st.builds(UserProperty, st.sampled_from(["a", "B", "odd name]"])),
        st.builds(SystemProperty, st.sampled_from(["label", "to", "scheduledenqueuetimeutc"])),
    )


def expressions() -> st.SearchStrategy[Expression]:
    constants: st.SearchStrategy[Expression] = st.builds(
        Constant,
        st.none()
        | st.booleans()
        | st.integers(0, 2**63 - 1)
        | st.floats(min_value=0, allow_infinity=False, allow_nan=False)
        | st.text(max_size=4),
    )
    leaves = st.one_of(constants, properties(), st.builds(NewIdCall))
    return st.recursive(leaves, compound, max_leaves=4)


def compound(operands: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(NamedProperty, operands),
        st.builds(Negative, operands),
        st.builds(Positive, operands),
        st.sampled_from([SUMS, PRODUCTS]).flatmap(
            lambda signs: st.builds(
                Arithmetic,
                operands,
                st.lists(st.tuples(st.sampled_from(signs), operands), min_size=1, max_size=3).map(
                    tuple
                ),
            )
        ),
    )


def escapes() -> st.SearchStrategy[Expression | None]:
    characters = st.builds(Constant, st.characters(codec="utf-8"))
    return st.one_of(st.none(), characters, properties())


def predicates() -> st.SearchStrategy[Predicate]:
    values = expressions()
    leaves: st.SearchStrategy[Predicate] = st.one_of(
        st.builds(Comparison, values, st.sampled_from(COMPARISONS), values),
        st.builds(Membership, values, st.lists(values, min_size=1, max_size=3).map(tuple)),
        st.builds(Likeness, values, values, escapes()),
        st.builds(NullCheck, properties()),
        st.builds(Existence, properties()),
    )
    return st.recursive(leaves, combined, max_leaves=4)


def combined(parts: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(AllOf, several), st.builds(AnyOf, several), st.builds(Negation, parts)
    )


def values() -> st.SearchStrategy[PropertyValue]:
    """Return values of every type, some of them equal and some of them beyond what AMQP can carry."""
    return st.one_of(
        st.sampled_from([None, True, False, 0, 1, 1.0, "", "a", "A", b"a", 2**64, -(2**63)]),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=2),
        st.datetimes(),
        st.datetimes(timezones=st.just(UTC)),
        st.uuids(),
    )


def messages() -> st.SearchStrategy[Message]:
    return st.builds(
        Message,
        body=st.just(b""),
        subject=st.none() | st.sampled_from(["a", "%", "text"]),
        to=st.none() | st.text(max_size=2),
        scheduled_enqueue_time=st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
        application_properties=st.dictionaries(
            st.sampled_from(["a", "A", "b", "x", "odd name]", "d"]), values(), max_size=4
        ),
    )
